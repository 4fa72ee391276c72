// Package kvsemu is Amazon Kinesis Video Streams on a socket: the control plane, the calls that read
// archived and live media, and uploads, over recordings that are made on demand or were sent. It never imports the code that reads
// from the service, so a wrong plan cannot agree with itself.
//
// The zero [Server] works. In a test:
//
//	emu := &kvsemu.Server{Cameras: map[string]kvsemu.Camera{"door": {FPS: 25}}}
//	run, err := kvsemu.Start(ctx, emu, "127.0.0.1:0") // control and data on addresses of their own
//	defer run.Close()
//
// or, with both kinds of call on one address, httptest.NewServer(emu). Any SigV4 signature is
// accepted, only its age is checked, by X-Amz-Date against this machine's clock; a request without
// Authorization is refused.
//
// # Cameras
//
// A camera is a recording. Fragment k of it is a pure function of k, so a recording of any length
// costs nothing until it is asked for. [ParseCamera] reads "NAME:key=value,...":
//
//	fps=25            pictures a second; 29.97, 23.976 and 59.94 mean N*1000/1001; also 30000/1001
//	gop=2s            fragment length: one group of pictures
//	bframes=2         B-frames between two other pictures (0)
//	sound=aac         aac, alaw, ulaw or none (none)
//	pictures=none     sound only; a fragment every gop
//	size=640x360      picture size (640x360)
//	rate=2M           bits a second, reached by padding; k, M, G are powers of 1000 (about 200k)
//	file=my.mp4       replay an MP4 or Matroska file instead, cut at its sync samples and looped; excludes
//	                  fps, gop, bframes, sound, pictures, size, rate, jitter, irregular, codec, resize and track
//	from=-2h          begin of the recording: before the server's start, or RFC 3339 (-24h)
//	for=1h            length of the recording, gaps included (grows with the clock: a live camera)
//	gap=10m+30s       nothing was recorded for 30s, from 10m after the beginning; may be repeated
//	codec=20m         other codec configuration, in a new session, from 20m on; may be repeated
//	resize=20m+800x600  other picture size, in a new session; may be repeated
//	track=20m+none    other sound (aac, alaw, ulaw, none), in a new session; may be repeated
//	again=5m+30s      the fragments of those 30s are uploaded a second time right after them
//	jitter=20ms       picture times stray up to so much, at most 45 % of a picture's duration
//	irregular         jitter as wide as it can be
//	upload=300ms      server timestamp minus producer timestamp (300ms)
//	server-jitter=300ms  varies upload, between 0 and so much more
//	clock-offset=-3s  how far the camera's clock, which stamps producer times, is ahead
//	retention=24h     data retention in whole hours, 0 for none (87600h)
//	relative          producer times count from the start of each session, at 1970-01-01T00:00:00Z
//	clock=10m-1h      the camera's clock is set back by 1h, or with + forward, in a new session; may be repeated
//	late=10m+5m       the network was away for 5m: they come after it, in order, ten times as fast as they
//	                  were filmed; 10m+5mx3 means three times; may be repeated
//	replay=10m+30s    a restart: a new session sends the last 30s again, 20 ms a fragment, cut at other
//	                  places, and goes on; may be repeated; not with file
//	lost=10m+30s      the fragments of those 30s are listed, but in no clip; may be repeated
//	tag=motion:true@10m+30s  the producer's tag of the fragments that start in those 30s; without @ of
//	                  all; may be repeated
//	kms=denied        encrypted with a key that the caller may not use: there are no clips
//
// Lengths of time are Go durations. Picture numbers rise by one for each picture of the recording
// and start again nowhere. A gap of 30s or more, like every change, begins a new upload session:
// the sequence part of the fragment number jumps to the next multiple of 1000, plus 1.
//
// Pictures show the camera's clock: producer time, but for relative. While the backlog of late is
// being sent, later fragments queue behind it; the session stays open however long the network is
// away. A file goes on through clock, from the first group of pictures after it on. A replay begins
// half a fragment off, up to a fragment early. Its fragments do not begin when others did, but where
// a fragment is one picture, or where the footage sent again begins with a session, gap or change.
// What again and replay send of a lost span is not lost.
//
// # Uploads
//
// A stream made by CreateStream takes uploads by PutMedia over HTTP/1.1, one at a time. They are kept in
// memory, up to Server.MaxStored, or in files under Server.DataDir. A stream of a camera takes none, as its
// camera is connected already.
//
// # Callers
//
// The caller is always arn:aws:iam::ACCOUNT:user/emulated, as GetCallerIdentity of STS says, which
// is answered where control calls are. [Server] tells of Deny, Expired, ExpireAfter and ClockSkew.
//
// # What is unknown about the service
//
// Where no capture of the real service tells, a field or flag chooses; see [Layout]. Without one:
// fragments whose clip would hold two codec configurations are refused with
// InvalidCodecPrivateDataException; a failed GetClip costs no points; de-duplication compares
// producer times to the millisecond, under both clocks, within the asked range; the byte cap
// counts FragmentSizeInBytes. With relative, that de-duplication makes fragments of two sessions
// equal. A GetClip that may not decrypt is refused with 403 AccessDeniedException in the words of
// KMS, once the range is known to hold fragments. What is listed and lost is left out of a clip
// before anything is de-duplicated, and does not count towards its end.
package kvsemu
