// Command kvsclip downloads long clips from Amazon Kinesis Video Streams.
package main

func main() {}
