package rest

import (
	"encoding/json"
	"errors"
	"math/rand/v2"
	"net/http"
	"strconv"
	"time"

	"reddot/api/stream"
	"reddot/events"
)

// Code is what a client branches on: one word, and the status that HTTP has for it.
type Code string

// The codes. Where NATS has one, it is the same word.
const (
	BadRequest     Code = "bad_request"
	Unauthorized   Code = "unauthorized"
	TokenExpired   Code = "token_expired"
	Forbidden      Code = "forbidden"
	BadHost        Code = "bad_host"
	NotFound       Code = "not_found"
	BadMethod      Code = "method_not_allowed"
	InProgress     Code = "in_progress"
	TooLarge       Code = "too_large"
	URLTooLong     Code = "url_too_long"
	BadMedia       Code = "unsupported_media_type"
	KeyReused      Code = "key_reused"
	RateLimited    Code = "rate_limited"
	TooManyStreams Code = "too_many_streams"
	HeadersTooLong Code = "headers_too_large"
	Unavailable    Code = "unavailable"
	NotApplied     Code = "not_applied"
)

// codes are all of them: their statuses and titles.
var codes = map[Code]struct {
	status int
	title  string
}{
	BadRequest:     {http.StatusBadRequest, "Bad request"},
	Unauthorized:   {http.StatusUnauthorized, "Unauthorized"},
	TokenExpired:   {http.StatusUnauthorized, "Token expired"},
	Forbidden:      {http.StatusForbidden, "Forbidden"},
	BadHost:        {http.StatusForbidden, "Bad host"},
	NotFound:       {http.StatusNotFound, "Not found"},
	BadMethod:      {http.StatusMethodNotAllowed, "Method not allowed"},
	InProgress:     {http.StatusConflict, "In progress"},
	TooLarge:       {http.StatusRequestEntityTooLarge, "Too large"},
	URLTooLong:     {http.StatusRequestURITooLong, "URL too long"},
	BadMedia:       {http.StatusUnsupportedMediaType, "Unsupported media type"},
	KeyReused:      {http.StatusUnprocessableEntity, "Key reused"},
	RateLimited:    {http.StatusTooManyRequests, "Rate limited"},
	TooManyStreams: {http.StatusTooManyRequests, "Too many streams"},
	HeadersTooLong: {http.StatusRequestHeaderFieldsTooLarge, "Headers too large"},
	Unavailable:    {http.StatusServiceUnavailable, "Unavailable"},
	NotApplied:     {http.StatusGatewayTimeout, "Not applied in time"},
}

// Codes returns every code.
func Codes() []Code {
	var all []Code
	for c := range codes {
		all = append(all, c)
	}
	return all
}

// Status is the code's status of HTTP.
func (c Code) Status() int { return codes[c].status }

// Problem is why a request was not done, as RFC 9457 has it.
type Problem struct {
	Type    string   `json:"type"`
	Title   string   `json:"title"`
	Status  int      `json:"status"`
	Code    Code     `json:"code"`
	Detail  string   `json:"detail"`
	Errors  []Detail `json:"errors,omitempty"`
	Request string   `json:"request"`

	// Of commands that are stored, or may be, although not all that was asked for is done.
	Seq       events.Seq `json:"seq,omitempty"`
	Uncertain bool       `json:"uncertain,omitempty"`
	Results   []Result   `json:"results,omitempty"`
	LastSeq   events.Seq `json:"last_seq,omitempty"`

	RetryAfter time.Duration `json:"-"` // 0: a second, where the code has any
	Cause      error         `json:"-"` // for the log
	limited    string        // what there was too much of, as a label; empty: what the route's limit says
}

// Detail is one thing that is wrong with a body.
type Detail struct {
	Pointer string `json:"pointer"` // RFC 6901
	Detail  string `json:"detail"`
}

// Error returns the code and the detail.
func (p *Problem) Error() string { return string(p.Code) + ": " + p.Detail }

// Unwrap returns the cause.
func (p *Problem) Unwrap() error { return p.Cause }

// Fail returns a problem.
func Fail(code Code, detail string) *Problem { return &Problem{Code: code, Detail: detail} }

// ofFault are the codes of faults, which NATS has too.
var ofFault = map[events.Code]Code{
	events.ErrBadRequest: BadRequest, events.ErrForbidden: Forbidden, events.ErrNotFound: NotFound,
	events.ErrNotApplied: NotApplied, events.ErrRateLimited: RateLimited, events.ErrUnavailable: Unavailable,
}

// problemOf says any error as a problem. The cause of a fault that is nobody's who asked
// is left to the log.
func problemOf(err error) *Problem {
	if p, ok := errors.AsType[*Problem](err); ok {
		return p
	}
	if full, ok := errors.AsType[*stream.TooMany](err); ok {
		return &Problem{Code: TooManyStreams, Detail: "this instance has as many streams as it may; ask again, or ask another one", RetryAfter: full.RetryAfter}
	}
	if broken, ok := errors.AsType[*events.Invalid](err); ok {
		return Fail(BadRequest, broken.Reason)
	}
	if f, ok := errors.AsType[*events.Fault](err); ok {
		code, known := ofFault[f.Code]
		if !known {
			code = Unavailable
		}
		return &Problem{Code: code, Detail: f.Message, Seq: f.Seq, Uncertain: f.Uncertain, RetryAfter: f.RetryAfter, Cause: f.Cause}
	}
	return &Problem{Code: Unavailable, Detail: "the answer failed; ask again", Cause: err}
}

// write sends a problem.
func (p *Problem) write(w http.ResponseWriter, request string) {
	of := codes[p.Code]
	p.Type, p.Title, p.Status, p.Request = "urn:reddot:problem:"+string(p.Code), of.title, of.status, request
	h := w.Header()
	switch of.status {
	case http.StatusTooManyRequests, http.StatusServiceUnavailable:
		h.Set("Retry-After", retryAfter(p.RetryAfter))
	case http.StatusUnauthorized:
		challenge := `Bearer error="invalid_token"`
		if p.Code == TokenExpired {
			challenge += `, error_description="token_expired"`
		}
		h.Set("WWW-Authenticate", challenge)
	}
	h.Set("Content-Type", "application/problem+json")
	h.Set("Cache-Control", "no-store")
	h.Del("ETag")
	body, err := json.Marshal(p)
	if err != nil { // of strings and numbers alone
		body = []byte(`{"code":"unavailable","status":503}`)
	}
	w.WriteHeader(of.status)
	w.Write(body) // an asker that has gone away is no error
}

// retryAfter is a wait in whole seconds, and up to one more, so that those who were
// turned away together do not come back together.
func retryAfter(wait time.Duration) string {
	seconds := int64(max(1, (wait+time.Second-1)/time.Second))
	return strconv.FormatInt(seconds+rand.Int64N(2), 10)
}
