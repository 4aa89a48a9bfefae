package rest

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"runtime/debug"
	"strconv"
	"strings"
	"time"

	"reddot/api/identity"
	"reddot/events"
)

// Exchange is one request under way.
type Exchange struct {
	Writer  http.ResponseWriter
	Request *http.Request
	ID      string            // of the request, in the answer and in the log
	Who     identity.Identity // who asks; the zero value on a route where nobody is asked
	Query   url.Values        // parsed
	Body    []byte

	began   time.Time // when the head was here
	route   *Route    // nil: there is none
	missing error     // why there is none
	allow   string    // the methods of its path, if it has any
	held    int64     // of the bodies' bound

	values [4]string // of headers of the answer, in one piece with the request
	valued int       // how many of them are set
}

// set sets a header of the answer, whose name is in its canonical form.
func (x *Exchange) set(name, value string) {
	h := x.Writer.Header()
	if i := x.valued; i < len(x.values) {
		x.values[i] = value
		x.valued++
		h[name] = x.values[i : i+1 : i+1]
		return
	}
	h[name] = []string{value}
}

// header is the first of a request's headers of a name in its canonical form; empty: there
// is none.
func header(r *http.Request, name string) string {
	if values := r.Header[name]; len(values) > 0 {
		return values[0]
	}
	return ""
}

// ctx is the request's.
func (x *Exchange) ctx() context.Context { return x.Request.Context() }

// serve is the way of a request.
func (s *Server) serve(w http.ResponseWriter, r *http.Request) {
	x := exchangeOf(w)
	x.Writer, x.Request = w, r
	defer func() {
		if p := recover(); p != nil {
			if p == http.ErrAbortHandler {
				panic(p)
			}
			s.log.Error("panic while answering; please report it", "request", x.ID, "path", r.URL.Path, "panic", p, "stack", string(debug.Stack()))
			Fail(Unavailable, "the answer failed; ask again").write(w, x.ID)
		}
	}()
	deadlines := http.NewResponseController(w)
	if r.ContentLength == 0 {
		deadlines.SetReadDeadline(time.Time{}) // all has come; an error would be of a writer of tests
	}
	deadlines.SetWriteDeadline(x.began.Add(answerTimeout))
	err := s.enter(x)
	if err == nil {
		err = s.read(x)
		defer s.release(x)
	}
	if err == nil {
		if r.ContentLength != 0 {
			deadlines.SetReadDeadline(time.Time{})
		}
		err = x.route.Serve(x)
	}
	if err != nil {
		s.fail(x, err)
	}
}

// fail sends an error, and says in the log what is nobody's who asked.
func (s *Server) fail(x *Exchange, err error) {
	p := problemOf(err)
	if p.Cause != nil && x.ctx().Err() == nil && s.warnings.Allow() {
		s.log.Warn("request not answered", "request", x.ID, "path", x.Request.URL.Path, "code", string(p.Code), "error", p.Cause)
	}
	if p.Code == RateLimited {
		s.figs.limited(cmp.Or(p.limited, x.limitOf()))
	}
	p.write(x.Writer, x.ID)
}

// enter finds the route, and who asks, and whether they may.
func (s *Server) enter(x *Exchange) error {
	r := x.Request
	if len(r.RequestURI) > maxURL {
		return Fail(URLTooLong, fmt.Sprintf("the URL is longer than %d bytes", maxURL))
	}
	if n := headerBytes(r); n > maxHeaders {
		return Fail(HeadersTooLong, fmt.Sprintf("the headers are larger than %d bytes", maxHeaders))
	}
	if err := s.checkHost(r); err != nil {
		return err
	}
	if x.route == nil {
		if x.allow != "" {
			x.set("Allow", x.allow)
		}
		return x.missing
	}
	var err error
	if x.Query, err = url.ParseQuery(r.URL.RawQuery); err != nil {
		return Fail(BadRequest, "the URL's query is broken: "+quoted(r.URL.RawQuery))
	}
	if err := s.authenticate(x); err != nil {
		return err
	}
	return s.admitKey(x)
}

// headerBytes is how large the headers are.
func headerBytes(r *http.Request) int {
	n := len("Host: \r\n") + len(r.Host)
	for name, values := range r.Header {
		for _, value := range values {
			n += len(name) + len(": \r\n") + len(value)
		}
	}
	return n
}

// checkHost answers only under a name of this machine where nobody is asked who they
// are: a page of another site that a browser on this machine shows must not read or
// change anything by a name that leads here, nor by a form.
func (s *Server) checkHost(r *http.Request) error {
	if !s.cfg.Authority.IsOpen() || s.cfg.AnyHost {
		return nil
	}
	name := hostName(r)
	own, _, _ := net.SplitHostPort(s.cfg.Addr)
	if name != own && !Loopback(name) {
		return Fail(BadHost, "this address is not "+strconv.QuoteToASCII(name)+": ask 127.0.0.1 or localhost, or start reddot with --auth or --insecure-open")
	}
	if err := new(http.CrossOriginProtection).Check(r); err != nil {
		return Fail(Forbidden, "a page of another site may not ask for this where nobody is asked who they are: start reddot with --auth")
	}
	return nil
}

// hostName is the name that a request is sent to, without the port.
func hostName(r *http.Request) string {
	name := r.Host
	if host, _, err := net.SplitHostPort(name); err == nil {
		name = host
	}
	return strings.TrimSuffix(strings.TrimPrefix(name, "["), "]")
}

// credential is what a request says of who asks.
func credential(r *http.Request) string {
	if scheme, rest, ok := strings.Cut(header(r, "Authorization"), " "); ok && strings.EqualFold(scheme, "Bearer") {
		return strings.TrimSpace(rest)
	}
	return header(r, "X-Api-Key")
}

// queryToken takes the token out of a stream's URL, where that may hold one: what browsers
// have for streams sends no headers. Nothing behind this sees it.
func (s *Server) queryToken(x *Exchange) string {
	const name = "access_token"
	if !s.cfg.QueryToken || x.route.Limit != Streams || x.route.Method != http.MethodGet {
		return ""
	}
	tokens := x.Query[name]
	if len(tokens) != 1 {
		return ""
	}
	delete(x.Query, name)
	x.Request.URL.RawQuery = x.Query.Encode()
	x.Request.RequestURI = x.Request.URL.RequestURI()
	return tokens[0]
}

// identify finds who asks: by a credential, or else by the session that a browser has. Where
// they need not say it, a session that has ended is nobody.
func (s *Server) identify(x *Exchange) (identity.Identity, error) {
	given := credential(x.Request)
	if given == "" {
		given = s.queryToken(x)
	}
	session := ""
	if given == "" && !s.cfg.Authority.IsOpen() {
		session = sessionOf(x.Request)
	}
	if session != "" {
		if err := sameOrigin(x.Request); err != nil {
			return identity.Identity{}, err
		}
		id, err := s.cfg.Sessions.Authenticate(session)
		switch {
		case err == nil:
			return id, nil
		case x.route.Optional:
			return identity.Identity{}, nil
		}
		return id, s.refuse(x, err)
	}
	if x.route.Optional && given == "" && !s.cfg.Authority.IsOpen() {
		return identity.Identity{}, nil
	}
	id, err := s.cfg.Authority.Authenticate(x.ctx(), given)
	if err != nil {
		err = s.refuse(x, err)
	}
	return id, err
}

// authenticate finds whether the route is of who asks.
func (s *Server) authenticate(x *Exchange) error {
	route := x.route
	if route.anybody() && !route.Optional {
		return nil
	}
	id, err := s.identify(x)
	if err != nil {
		return err
	}
	x.Who = id
	switch {
	case route.anybody():
		return nil
	case !id.May(route.Who...):
		return Fail(Forbidden, fmt.Sprintf("a %s may not ask for this", id.Role))
	case route.Limit == Commands && !id.Mark:
		return Fail(Forbidden, "the token does not let its user send commands")
	case route.Limit != Commands && !id.Read:
		return Fail(Forbidden, "the token does not let its user ask")
	}
	return nil
}

// refuse answers a credential that is none. Those who send many wrong ones are let
// wait; right ones pass all the same.
func (s *Server) refuse(x *Exchange, err error) error {
	outcome := identity.OutcomeOf(err)
	at := s.address(x.Request)
	switch outcome {
	case identity.Unavailable:
		return &Problem{Code: Unavailable, Detail: "the keys that tokens are checked with are not here yet; ask again"}
	case identity.Missing:
		return Fail(Unauthorized, "no credential came: send a token or a key as \"Authorization: Bearer ...\", or a key as X-API-Key")
	}
	if r, ok := errors.AsType[*identity.Refusal](err); ok && r.Method == identity.BySession && outcome == identity.Expired {
		return Fail(TokenExpired, "the session has ended; log in again") // nobody guesses those
	}
	wait, ok := s.failures.Take(at, 1, time.Now())
	if !ok { // it is counted, and no line of the log
		return &Problem{Code: RateLimited, Detail: "too many credentials from this address were wrong", RetryAfter: wait, limited: limitedFailures}
	}
	s.log.Info("a credential is refused", "request", x.ID, "address", at, "error", err)
	if outcome == identity.Expired {
		return Fail(TokenExpired, "the token has expired; get a new one")
	}
	return Fail(Unauthorized, "the credential is not valid")
}

// user returns whom a request is about.
func (x *Exchange) user(asked *string) (string, error) {
	name := ""
	if asked != nil {
		if name = *asked; name == "" {
			return "", Fail(BadRequest, "user is empty")
		}
	}
	user, err := x.Who.For(name)
	switch {
	case errors.Is(err, identity.ErrOtherUser):
		return "", Fail(Forbidden, "the token is another user's")
	case err != nil:
		return "", Fail(BadRequest, "user is missing: only a user's own token may leave it out")
	}
	if err := events.CheckID("user", user); err != nil {
		return "", err
	}
	return user, nil
}
