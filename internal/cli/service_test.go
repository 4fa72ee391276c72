package cli_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/kvsclip/kvsclip/internal/cli"
	"github.com/kvsclip/kvsclip/kvsemu"
)

// The recording of every test below: 10 minutes that ended an hour ago, a hole of 30 s in it.
var (
	begin  = time.Now().Add(-70 * time.Minute).Truncate(time.Second).UTC()
	camera = kvsemu.Camera{
		From: begin, For: 10 * time.Minute, Sound: "aac", Width: 320, Height: 192,
		Gaps: []kvsemu.Gap{{After: 4 * time.Minute, Length: 30 * time.Second}},
	}
)

// service starts the service with one stream named door, or the cameras emu has, and points the environment at it.
func service(t *testing.T, emu *kvsemu.Server) {
	t.Helper()
	if emu.Cameras == nil {
		emu.Cameras = map[string]kvsemu.Camera{"door": camera}
	}
	run, err := kvsemu.Start(t.Context(), emu, "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := run.Close(); err != nil {
			t.Error(err)
		}
	})
	none := filepath.Join(t.TempDir(), "none")
	for name, value := range map[string]string{
		"KVSCLIP_ENDPOINT_URL": run.URL, "AWS_REGION": "us-west-2", "AWS_ACCESS_KEY_ID": "emulator", "AWS_SECRET_ACCESS_KEY": "emulator",
		"AWS_SESSION_TOKEN": "", "AWS_PROFILE": "", "AWS_CONFIG_FILE": none, "AWS_SHARED_CREDENTIALS_FILE": none, "AWS_EC2_METADATA_DISABLED": "true",
	} {
		t.Setenv(name, value)
	}
	t.Chdir(t.TempDir())
}

// kvsclip runs the program and fails unless it exits with code.
func kvsclip(t *testing.T, code int, args ...string) (stdout, stderr string) {
	t.Helper()
	var o, e bytes.Buffer
	if got := cli.Run(t.Context(), args, strings.NewReader(""), &o, &e); got != code {
		t.Fatalf("kvsclip %q exits with %d, want %d\n%s%s", args, got, code, o.String(), e.String())
	}
	return o.String(), e.String()
}

// door is the range of the recording, as arguments.
func door(command string, more ...string) []string {
	return slices.Concat([]string{command, "door", "--from", begin.Format(time.RFC3339), "--for", "10m", "--clock", "producer", "--tz", "UTC"}, more)
}

// object reads one line of JSON and fails when there is more.
func object(t *testing.T, text string) map[string]any {
	t.Helper()
	var v map[string]any
	if err := json.Unmarshal([]byte(text), &v); err != nil || strings.Count(text, "\n") != 1 {
		t.Fatalf("not one line with a JSON object: %v\n%s", err, text)
	}
	return v
}

func TestGet(t *testing.T) {
	service(t, &kvsemu.Server{})
	out, _ := kvsclip(t, 0, door("get", "-n")...)
	if files, err := os.ReadDir("."); err != nil || len(files) != 0 {
		t.Errorf("a dry run left %v, %v", files, err)
	}
	for _, want := range []string{"door in us-west-2, producer time", "285 fragments in 2 pieces", "(30s)"} {
		if !strings.Contains(out, want) {
			t.Errorf("plan lacks %q:\n%s", want, out)
		}
	}

	out, said := kvsclip(t, 0, door("get", "-o", "door.mp4")...)
	for _, want := range []string{"door.mp4\n  9m30s, ", "285 of 285 fragments in 2 pieces", "1 gap, closed up", "1 seam, worst error: picture 0 ms"} {
		if !strings.Contains(out, want) {
			t.Errorf("summary lacks %q:\n%s", want, out)
		}
	}
	if !strings.HasPrefix(said, "kvsclip: fetching 285 fragments, ") {
		t.Errorf("standard error = %q, want what is fetched", said)
	}

	out, said = kvsclip(t, 7, door("get", "-o", "door.mp4", "--json")...)
	if e, ok := object(t, out)["error"].(map[string]any); !ok || e["code"] != 7.0 || e["kind"] != "exists" {
		t.Errorf("error = %s, want code 7, exists", out)
	}
	if !strings.Contains(said, "hint: give another name with -o (or --receipt, if that is the one), or --force to overwrite") {
		t.Errorf("standard error = %q, want a hint", said)
	}

	out, said = kvsclip(t, 0, door("get", "-o", "door.mp4", "--force", "-q")...)
	if out != "door.mp4\n" || said != "" {
		t.Errorf("with -q: %q and %q, want the name alone", out, said)
	}
}

func TestGetJSON(t *testing.T) {
	service(t, &kvsemu.Server{})
	out, _ := kvsclip(t, 0, door("get", "--json")...)
	v := object(t, out)
	for _, key := range []string{"stream", "region", "clock", "requested", "delivered", "outputs", "fragments", "gaps", "seams", "pieces", "calls", "bytesFetched", "elapsedMs", "estimatedCostUSD"} {
		if _, ok := v[key]; !ok {
			t.Errorf("the result lacks %q: %s", key, out)
		}
	}
	name := "door_" + begin.Format("20060102T150405Z") + "_" + begin.Add(10*time.Minute).Format("20060102T150405Z") + ".mp4"
	if _, err := os.Stat(name); err != nil {
		t.Errorf("the default name is not %s: %v", name, err)
	}
}

func TestGetRefused(t *testing.T) {
	for _, c := range []struct {
		name       string
		emu        *kvsemu.Server
		args       []string
		code       int
		kind, said string
	}{
		{"no such stream", &kvsemu.Server{}, []string{"get", "gate", "--from", "-1h", "--to", "now"}, 6, "ResourceNotFoundException", "us-west-2"},
		{"not allowed", &kvsemu.Server{Deny: []string{"GetDataEndpoint"}}, door("get"), 5, "AccessDeniedException", "kinesisvideo:GetDataEndpoint"},
		{"nothing recorded", &kvsemu.Server{}, []string{"get", "door", "--from", "-10m", "--to", "-5m"}, 3, "empty", "kvsclip plan"},
	} {
		t.Run(c.name, func(t *testing.T) {
			service(t, c.emu)
			out, said := kvsclip(t, c.code, append(c.args, "--json", "--retries", "2")...)
			if e, ok := object(t, out)["error"].(map[string]any); !ok || e["code"] != float64(c.code) || e["kind"] != c.kind {
				t.Errorf("error = %s, want code %d and kind %s", out, c.code, c.kind)
			}
			if !strings.Contains(said, c.said) || !strings.Contains(said, "kvsclip: hint: ") {
				t.Errorf("standard error lacks %q or a hint:\n%s", c.said, said)
			}
		})
	}
}

func TestGetInterrupted(t *testing.T) {
	service(t, &kvsemu.Server{Latency: time.Minute})
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	var out, said bytes.Buffer
	code := cli.Run(ctx, door("get", "--json"), strings.NewReader(""), &out, &said)
	if code != 130 || !strings.Contains(said.String(), "run the same command again to go on") {
		t.Errorf("exits with %d, want 130 and what to do:\n%s", code, said.String())
	}
	if e, ok := object(t, out.String())["error"].(map[string]any); !ok || e["kind"] != "interrupted" {
		t.Errorf("error = %s, want interrupted", out.String())
	}
}

func TestPlanJSONOfService(t *testing.T) {
	service(t, &kvsemu.Server{})
	out, _ := kvsclip(t, 0, door("plan", "--json")...)
	v := object(t, out)
	if v["fragments"] != 285.0 || v["listed"] != true || len(v["spans"].([]any)) != 2 || len(v["pieces"].([]any)) != 2 {
		t.Errorf("plan = %s, want 285 fragments in 2 spans and 2 pieces", out)
	}
}

func TestPlanOfNothing(t *testing.T) {
	service(t, &kvsemu.Server{})
	out, said := kvsclip(t, 3, "plan", "door", "--from", "-10m", "--to", "-5m", "--json")
	if v := object(t, out); v["fragments"] != 0.0 || v["error"] != nil || len(v["gaps"].([]any)) != 1 {
		t.Errorf("plan = %s, want a plan of nothing", out)
	}
	if !strings.Contains(said, "nothing was recorded in the range") || !strings.Contains(said, "hint: ") {
		t.Errorf("standard error = %q, want what and a hint", said)
	}
	if out, _ = kvsclip(t, 3, "get", "-n", "door", "--from", "-10m", "--to", "-5m"); !strings.Contains(out, "  gap ") || strings.Contains(out, "  fetch ") {
		t.Errorf("dry run = %q, want the plan", out)
	}
}

func TestLiveCameraHasNoGapAtItsEnd(t *testing.T) {
	live := kvsemu.Camera{From: begin, GOP: 4 * time.Second, Width: 320, Height: 192}
	service(t, &kvsemu.Server{Cameras: map[string]kvsemu.Camera{"live": live}})
	for _, command := range []string{"plan", "get"} {
		out, _ := kvsclip(t, 0, command, "live", "--from", "-1m", "--to", "now", "--json")
		v := object(t, out)
		if gaps, ok := v["gaps"].([]any); !ok || len(gaps) != 0 {
			t.Errorf("%s: gaps = %v, want none", command, v["gaps"])
		}
		notes, _ := v["notes"].([]any)
		if len(notes) != 1 || !strings.HasSuffix(notes[0].(string), " are not recorded yet") {
			t.Errorf("%s: notes = %v, want what is not recorded yet", command, notes)
		}
	}
}

func TestRegionOfAnARN(t *testing.T) {
	service(t, &kvsemu.Server{Region: "eu-west-1"})
	t.Setenv("AWS_REGION", "")
	t.Setenv("AWS_DEFAULT_REGION", "")
	out, _ := kvsclip(t, 0, "streams", "--json", "--region", "eu-west-1")
	arn := object(t, out)["streams"].([]any)[0].(map[string]any)["arn"].(string)
	args := door("plan", "--json")
	args[1] = arn
	if out, _ = kvsclip(t, 0, args...); object(t, out)["region"] != "eu-west-1" {
		t.Errorf("plan = %s, want one of eu-west-1", out)
	}
	kvsclip(t, 2, door("plan")...)
	t.Setenv("AWS_REGION", "us-west-2")
	kvsclip(t, 6, args...)
}

func TestStreams(t *testing.T) {
	service(t, &kvsemu.Server{})
	out, _ := kvsclip(t, 0, "streams", "do")
	if !strings.Contains(out, "door  ACTIVE") {
		t.Errorf("streams = %s, want door", out)
	}
	out, _ = kvsclip(t, 0, "streams", "--json")
	if all, ok := object(t, out)["streams"].([]any); !ok || len(all) != 1 || all[0].(map[string]any)["name"] != "door" {
		t.Errorf("streams = %s, want door", out)
	}
	out, said := kvsclip(t, 0, "streams", "x")
	if out != "" || !strings.Contains(said, `no stream in us-west-2 has a name that begins with "x"`) {
		t.Errorf("streams = %q and %q, want a note", out, said)
	}
}

func TestJoin(t *testing.T) {
	service(t, &kvsemu.Server{})
	first := begin.Format(time.RFC3339)
	second := begin.Add(time.Minute).Format(time.RFC3339)
	kvsclip(t, 0, "get", "door", "--clock", "producer", "--trim", "fragment", "--from", first, "--for", "1m", "-o", "a.mp4")
	kvsclip(t, 0, "get", "door", "--clock", "producer", "--trim", "fragment", "--from", second, "--for", "1m", "-o", "b.mp4")
	out, _ := kvsclip(t, 0, "join", "a.mp4", "b.mp4", "-o", "c.mp4")
	if !strings.HasPrefix(out, "c.mp4\n  2m") {
		t.Errorf("join = %s, want two minutes", out)
	}
	out, _ = kvsclip(t, 7, "join", "a.mp4", "none.mp4", "-o", "d.mp4", "--json")
	if e, ok := object(t, out)["error"].(map[string]any); !ok || !strings.Contains(e["message"].(string), "none.mp4") {
		t.Errorf("error = %s, want the name that is missing", out)
	}
}

func TestDemo(t *testing.T) {
	t.Chdir(t.TempDir())
	out, _ := kvsclip(t, 0, "demo")
	for _, want := range []string{"A camera named demo has filmed", "495 of 495", "1 gap", "demo.mp4", "kvsclip get STREAM"} {
		if !strings.Contains(out, want) {
			t.Errorf("the story lacks %q:\n%s", want, out)
		}
	}
	if _, err := os.Stat("demo.mp4"); err != nil {
		t.Error(err)
	}
}

func TestEmulate(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	r, w := io.Pipe()
	var said bytes.Buffer
	done := make(chan int)
	go func() {
		done <- cli.Run(ctx, []string{"emulate", "--camera", "door:for=1h", "--deny", "ListStreams"}, strings.NewReader(""), w, &said)
	}()
	line, err := bufio.NewReader(r).ReadString('\n')
	url, ok := strings.CutPrefix(strings.TrimSpace(line), "KVSCLIP_EMULATOR=")
	if err != nil || !ok || !strings.HasPrefix(url, "http://127.0.0.1:") {
		t.Fatalf("first line = %q, %v, want KVSCLIP_EMULATOR=http://127.0.0.1:PORT", line, err)
	}
	answer, err := http.Post(url+"/listStreams", "application/json", strings.NewReader("{}"))
	if err != nil {
		t.Fatal(err)
	}
	if err := answer.Body.Close(); err != nil || answer.StatusCode < 400 {
		t.Errorf("an unsigned call is answered with %s, %v", answer.Status, err)
	}
	cancel()
	if code := <-done; code != 0 {
		t.Errorf("emulate exits with %d, want 0\n%s", code, said.String())
	}
	if !strings.Contains(said.String(), "export AWS_ENDPOINT_URL_KINESIS_VIDEO="+url) || !strings.Contains(said.String(), "AWS_DEFAULT_REGION=us-west-2") {
		t.Errorf("standard error lacks the hints:\n%s", said.String())
	}
}
