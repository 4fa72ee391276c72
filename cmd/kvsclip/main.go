// Command kvsclip downloads long clips from Amazon Kinesis Video Streams.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
	_ "time/tzdata" // Windows has no zones by IANA name

	"github.com/kvsclip/kvsclip/internal/cli"
)

var version string // set by the linker: -ldflags "-X main.version=v1.2.3"

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second Ctrl-C ends the program at once
	code := cli.Program{Version: version}.Run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}
