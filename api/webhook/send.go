package webhook

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// requestTimeout bounds a request, its answer included.
const requestTimeout = 15 * time.Second

// maxAnswer is how much of an answer is read, so that its connection can be used again.
const maxAnswer = 64 << 10

// sender sends messages to one endpoint.
type sender struct {
	url     string
	signers []signer
	agent   string
	timeout time.Duration // requestTimeout, but in tests
	http    *http.Client
}

func newSender(e *Endpoint, agent string) *sender {
	return &sender{url: e.URL, signers: e.signers, agent: agent, timeout: requestTimeout, http: &http.Client{
		// The signature is for this URL's owner, and no other one may be where a machine is
		// told its credentials.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{
			DialContext: dialer().DialContext, Proxy: nil, ForceAttemptHTTP2: true, // a proxy would resolve the name
			TLSHandshakeTimeout: dialTimeout, MaxIdleConnsPerHost: maxInFlight, IdleConnTimeout: time.Minute,
			MaxResponseHeaderBytes: maxAnswer,
		},
	}}
}

// close closes connections that are kept.
func (s *sender) close() { s.http.CloseIdleConnections() }

// send sends a message once.
func (s *sender) send(ctx context.Context, id string, body []byte) (r result) {
	began := time.Now()
	defer func() { r.took = time.Since(began) }()
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.url, bytes.NewReader(body))
	if err == nil {
		req.Header.Set("Content-Type", "application/json")
		req.Header.Set("User-Agent", s.agent)
		err = sign(req.Header, s.signers, id, began, body)
	}
	if err != nil {
		return result{kind: failed, reason: s.reason(err)}
	}
	resp, err := s.http.Do(req)
	if err != nil {
		return result{kind: failed, reason: s.reason(err)}
	}
	defer resp.Body.Close()
	io.CopyN(io.Discard, resp.Body, maxAnswer) // the status has said it
	return judge(resp, time.Now())
}

// judge says what an answer means.
func judge(resp *http.Response, now time.Time) result {
	r := result{kind: failed, status: resp.StatusCode, reason: "answered " + resp.Status}
	switch code := resp.StatusCode; {
	case code/100 == 2:
		return result{kind: delivered, status: code}
	case code == http.StatusGone:
		r.kind = gone
	case code == http.StatusTooManyRequests || code == http.StatusServiceUnavailable:
		if wait, ok := parseRetryAfter(resp.Header.Get("Retry-After"), now); ok {
			r.kind, r.wait = throttled, wait
		}
	case code/100 == 3:
		r.reason += ": redirects are not followed"
	}
	return r
}

// parseRetryAfter reads seconds or a date.
func parseRetryAfter(s string, now time.Time) (time.Duration, bool) {
	s = strings.TrimSpace(s)
	if n, err := strconv.ParseUint(s, 10, 31); err == nil {
		return time.Duration(n) * time.Second, true
	}
	if at, err := http.ParseTime(s); err == nil {
		return max(0, at.Sub(now)), true
	}
	return 0, false
}

// reason is why nothing was answered, in words that do not repeat the URL: it may hold a
// password.
func (s *sender) reason(err error) string {
	if u, ok := errors.AsType[*url.Error](err); ok {
		if u.Timeout() {
			return fmt.Sprintf("no answer within %v", s.timeout)
		}
		err = u.Err
	}
	return err.Error()
}
