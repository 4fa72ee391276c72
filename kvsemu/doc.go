// Package kvsemu is Amazon Kinesis Video Streams on a socket: the control plane and the archived
// media calls, over recordings that are made on demand. It never imports the code that reads
// from the service, so a wrong plan cannot agree with itself.
//
// The zero [Server] works. In a test:
//
//	emu := &kvsemu.Server{Cameras: map[string]kvsemu.Camera{"door": {FPS: 25}}}
//	run, err := kvsemu.Start(ctx, emu, "127.0.0.1:0") // control and data on addresses of their own
//	defer run.Close()
//
// or, with both kinds of call on one address, httptest.NewServer(emu). Any SigV4 signature is
// accepted, none is checked; a request without Authorization is refused.
//
// # Cameras
//
// A camera is a recording. Fragment k of it is a pure function of k, so a recording of any length
// costs nothing until it is asked for. [ParseCamera] reads "NAME:key=value,...":
//
//	fps=25            pictures a second; 29.97, 23.976 and 59.94 mean N*1000/1001; also 30000/1001
//	gop=2s            fragment length: one group of pictures
//	bframes=2         B-frames between two other pictures (0)
//	sound=aac         aac, alaw or none (none)
//	size=640x360      picture size (640x360)
//	rate=2M           bits a second, reached by padding; k, M, G are powers of 1000 (about 200k)
//	file=my.mp4       replay a file instead, cut at its sync samples and looped; excludes fps, gop,
//	                  bframes, sound, size, rate, jitter, irregular, codec, resize and track
//	from=-2h          begin of the recording: before the server's start, or RFC 3339 (-24h)
//	for=1h            length of the recording, gaps included (grows with the clock: a live camera)
//	gap=10m+30s       nothing was recorded for 30s, from 10m after the beginning; may be repeated
//	codec=20m         other codec configuration, in a new session, from 20m on; may be repeated
//	resize=20m+800x600  other picture size, in a new session; may be repeated
//	track=20m+none    other sound (aac, alaw, none), in a new session; may be repeated
//	again=5m+30s      the fragments of those 30s are uploaded a second time right after them
//	jitter=20ms       picture times stray up to so much, at most 45 % of a picture's duration
//	irregular         jitter as wide as it can be
//	upload=300ms      server timestamp minus producer timestamp (300ms)
//	server-jitter=300ms  varies upload, between 0 and so much more
//	clock-offset=-3s  how far the camera's clock, which stamps producer times, is ahead
//	retention=24h     data retention in whole hours, 0 for none (87600h)
//
// Lengths of time are Go durations. Picture numbers rise by one for each picture of the recording
// and start again nowhere. A gap of 30s or more, like every change, begins a new upload session:
// the sequence part of the fragment number jumps to the next multiple of 1000, plus 1.
//
// # What is unknown about the service
//
// Where no capture of the real service tells, a field or flag chooses; see [Layout]. Without one:
// fragments whose clip would hold two codec configurations are refused with
// InvalidCodecPrivateDataException; a failed GetClip costs no points; de-duplication compares
// producer times to the millisecond, under both clocks, within the asked range; the byte cap
// counts FragmentSizeInBytes.
package kvsemu
