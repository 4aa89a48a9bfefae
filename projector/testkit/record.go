package testkit

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
)

// RecordDir is the environment variable that names the folder in which what tests ask over
// HTTP, and what they are answered, is written down; without it nothing is. api/openapi
// has tests that compare it with the contract.
const RecordDir = "REDDOT_RECORD"

// Recorded is a line of such a file: one request and its answer.
type Recorded struct {
	Method   string      `json:"method"`
	URL      string      `json:"url"`
	Sent     http.Header `json:"sent"`
	Body     []byte      `json:"body,omitempty"`
	Status   int         `json:"status"`
	Received http.Header `json:"received"`
	Answer   []byte      `json:"answer,omitempty"`
}

// record has the requests of http.DefaultTransport written down, if the environment says
// where.
func record() error {
	dir := os.Getenv(RecordDir)
	if dir == "" {
		return nil
	}
	f, err := os.CreateTemp(dir, filepath.Base(os.Args[0])+"-*.jsonl")
	if err != nil {
		return err
	}
	http.DefaultTransport = &recording{next: http.DefaultTransport, to: json.NewEncoder(f)}
	return nil
}

// recording is a transport that writes down what it sends and receives. What has no end is
// not written down.
type recording struct {
	next http.RoundTripper

	mu sync.Mutex
	to *json.Encoder
}

// maxRecorded is how large a request's or an answer's body may be that is written down.
const maxRecorded = 512 << 10

// RoundTrip implements http.RoundTripper.
func (r *recording) RoundTrip(req *http.Request) (*http.Response, error) {
	line := Recorded{Method: req.Method, URL: req.URL.String(), Sent: req.Header.Clone()}
	if req.GetBody != nil {
		body, err := req.GetBody()
		if err != nil {
			return nil, err
		}
		if line.Body, err = io.ReadAll(body); err != nil {
			return nil, err
		}
	}
	resp, err := r.next.RoundTrip(req)
	if err != nil || resp.StatusCode == http.StatusSwitchingProtocols || strings.HasPrefix(resp.Header.Get("Content-Type"), "text/event-stream") {
		return resp, err
	}
	answer, broken := io.ReadAll(resp.Body)
	resp.Body.Close()
	resp.Body = io.NopCloser(io.MultiReader(bytes.NewReader(answer), failing{broken}))
	if broken != nil || len(line.Body) > maxRecorded || len(answer) > maxRecorded || req.Body != nil && req.GetBody == nil {
		return resp, nil
	}
	line.Status, line.Received, line.Answer = resp.StatusCode, resp.Header.Clone(), answer
	if line.Received.Get("Content-Encoding") == "gzip" {
		if line.Answer, err = unzip(answer); err != nil {
			return resp, err
		}
		line.Received.Del("Content-Encoding")
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return resp, r.to.Encode(line)
}

func unzip(content []byte) ([]byte, error) {
	zipped, err := gzip.NewReader(bytes.NewReader(content))
	if err != nil {
		return nil, err
	}
	return io.ReadAll(zipped)
}

// CloseIdleConnections is what http.Client looks for.
func (r *recording) CloseIdleConnections() {
	if next, ok := r.next.(interface{ CloseIdleConnections() }); ok {
		next.CloseIdleConnections()
	}
}

// failing is the end of a body: io.EOF, or the error that it broke off with.
type failing struct{ err error }

func (f failing) Read([]byte) (int, error) {
	if f.err == nil {
		return 0, io.EOF
	}
	return 0, f.err
}
