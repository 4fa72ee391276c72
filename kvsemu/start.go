package kvsemu

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync"
	"time"
)

// Running is a server that listens. Its URL does not change; the data endpoint does when
// Server.RotateEvery is set.
type Running struct {
	URL     string // of control calls, without a path
	DataURL string // of data calls at the start; ask GetDataEndpoint for the present one

	host   string
	every  int
	server *http.Server
	end    context.CancelFunc
	work   sync.WaitGroup // listeners

	mu     sync.Mutex // guards all below
	gates  []*gate    // data listeners, the present one last
	calls  int        // data calls since the last change
	closed bool
}

// gate is one data listener.
type gate struct {
	net.Listener
	url string
}

// gateKey is the context key of the gate that a connection came through.
type gateKey struct{}

// Start listens on addr for control calls, and on a free port of the same host for data calls.
// The end of ctx ends delays and stalls; Close must be called in any case. The error may be about
// a camera.
func Start(ctx context.Context, s *Server, addr string) (*Running, error) {
	if err := s.setUp(); err != nil {
		return nil, err
	}
	var config net.ListenConfig
	control, err := config.Listen(ctx, "tcp", addr)
	if err != nil {
		return nil, err
	}
	ctx, end := context.WithCancel(ctx)
	host, _, _ := net.SplitHostPort(control.Addr().String())
	r := &Running{URL: "http://" + control.Addr().String(), host: host, every: s.RotateEvery, end: end}
	handler := map[bool]http.Handler{
		false: &plane{s: s, control: true, endpoint: r.endpoint},
		true:  &plane{s: s, data: true, enter: r.enter},
	}
	r.server = &http.Server{
		ReadHeaderTimeout: 10 * time.Second,
		MaxHeaderBytes:    64 << 10,
		BaseContext: func(l net.Listener) context.Context {
			g, _ := l.(*gate)
			return context.WithValue(ctx, gateKey{}, g)
		},
		Handler: http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
			handler[q.Context().Value(gateKey{}) != (*gate)(nil)].ServeHTTP(w, q)
		}),
	}
	if err := r.open(); err != nil {
		return nil, errors.Join(err, control.Close(), r.Close())
	}
	r.DataURL = r.gates[0].url
	r.serve(control)
	return r, nil
}

// open starts another data listener. r.mu is held, or r not yet shared.
func (r *Running) open() error {
	l, err := net.Listen("tcp", net.JoinHostPort(r.host, "0"))
	if err != nil {
		return fmt.Errorf("opening a data endpoint: %w", err)
	}
	g := &gate{Listener: l, url: "http://" + l.Addr().String()}
	r.gates = append(r.gates, g)
	r.serve(g)
	return nil
}

// serve answers what comes through l until it is closed.
func (r *Running) serve(l net.Listener) {
	r.work.Go(func() { _ = r.server.Serve(l) }) // always ends with an error: that l was closed
}

// endpoint returns where data calls go at present.
func (r *Running) endpoint() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.gates[len(r.gates)-1].url
}

// enter says whether a data call came to the present endpoint, and changes the endpoint when its
// calls are used up.
func (r *Running) enter(q *http.Request) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.every <= 0 {
		return true
	}
	if r.calls >= r.every && !r.closed && r.open() == nil {
		r.calls = 0
		if n := len(r.gates); n > 2 {
			_ = r.gates[0].Close() // Serve reports it
			r.gates = r.gates[1:]
		}
	}
	if q.Context().Value(gateKey{}) != r.gates[len(r.gates)-1] {
		return false
	}
	r.calls++
	return true
}

// closing is how long Close waits for answers under way.
const closing = 2 * time.Second

// Close stops listening, ends stalls and delays, waits for other answers under way, cuts those that
// take longer than two seconds, and returns when every listener has ended. It may be called twice.
func (r *Running) Close() error {
	r.mu.Lock()
	r.closed = true
	r.mu.Unlock()
	r.end()
	ctx, cancel := context.WithTimeout(context.Background(), closing)
	defer cancel()
	err := r.server.Shutdown(ctx)
	if errors.Is(err, context.DeadlineExceeded) {
		err = r.server.Close()
	}
	r.work.Wait()
	return err
}
