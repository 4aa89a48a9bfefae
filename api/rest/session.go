package rest

import (
	"errors"
	"net/http"
	"strings"

	"reddot/api/identity"
	"reddot/events"
)

// sessionCookie is what a browser keeps a session in. The prefix has it keep no other
// host's, and none that came without TLS.
const sessionCookie = "__Host-reddot"

// SessionReply answers POST and GET /v1/session.
type SessionReply struct {
	Name    string      `json:"name,omitempty"` // of the key; absent where nobody is asked who they are
	Role    string      `json:"role"`           // viewer or operator
	Expires events.Time `json:"expires_at,omitempty"`
}

func sessionReply(id identity.Identity) SessionReply {
	r := SessionReply{Name: id.Name, Role: id.Role.String()}
	if id.Role == identity.Anybody {
		r.Role = identity.Operator.String()
	}
	if !id.Expires.IsZero() {
		r.Expires = events.Time(id.Expires.UnixMilli())
	}
	return r
}

// beginSession answers POST /v1/session.
func (s *Server) beginSession(x *Exchange) error {
	var asked struct {
		Key string `json:"key"`
	}
	if err := x.strictly(&asked, `{"key": "rdk_..."}`); err != nil {
		return err
	}
	if err := sameOrigin(x.Request); err != nil {
		return err
	}
	x.Writer.Header().Set("Cache-Control", "no-store")
	if s.cfg.Authority.IsOpen() {
		return x.reply(SessionReply{Role: identity.Operator.String()})
	}
	if !keepsCookie(x.Request) {
		return Fail(Forbidden, "the session's cookie needs https, and a browser would not keep it: reach reddot over https, or from its own machine as localhost")
	}
	value, id, err := s.cfg.Sessions.Begin(x.ctx(), asked.Key)
	switch {
	case errors.Is(err, identity.ErrNoSession):
		return Fail(Forbidden, "log in with a key of the role viewer or operator: this one's is "+id.Role.String())
	case err != nil:
		return s.refuse(x, err)
	}
	s.log.Info("a session begins", "request", x.ID, "address", s.address(x.Request), "key", id.Name, "until", id.Expires)
	setSession(x.Writer, value, int(identity.SessionLife.Seconds()))
	return x.reply(sessionReply(id))
}

// endSession answers DELETE /v1/session. The cookie goes; who has copied its value has it
// until it ends, or until the key is taken out of the file.
func (s *Server) endSession(x *Exchange) error {
	if err := only(x.Query); err != nil {
		return err
	}
	if err := sameOrigin(x.Request); err != nil {
		return err
	}
	setSession(x.Writer, "", -1)
	x.Writer.Header().Set("Cache-Control", "no-store")
	x.Writer.WriteHeader(http.StatusNoContent)
	return nil
}

// session answers GET /v1/session: who asks.
func (s *Server) session(x *Exchange) error {
	if err := only(x.Query); err != nil {
		return err
	}
	x.Writer.Header().Set("Cache-Control", "no-store")
	return x.reply(sessionReply(x.Who))
}

// setSession has a browser keep a session for some seconds; below 0: forget it.
func setSession(w http.ResponseWriter, value string, seconds int) {
	http.SetCookie(w, &http.Cookie{
		Name: sessionCookie, Value: value, Path: "/", MaxAge: seconds, Secure: true, HttpOnly: true, SameSite: http.SameSiteStrictMode,
	})
}

// sessionOf is a request's session; empty: it has none.
func sessionOf(r *http.Request) string {
	if len(r.Header["Cookie"]) == 0 {
		return ""
	}
	c, err := r.Cookie(sessionCookie)
	if err != nil {
		return ""
	}
	return c.Value
}

// sameOrigin refuses what a page of another site has a browser send: browsers add what they
// keep for this one.
func sameOrigin(r *http.Request) error {
	if new(http.CrossOriginProtection).Check(r) != nil {
		return Fail(Forbidden, "a page of another site may not ask for this with a browser's session")
	}
	return nil
}

// keepsCookie reports whether a browser keeps a cookie that needs TLS, as far as a request
// tells: TLS may end at a proxy, and a machine is trusted with what it sends to itself. It
// is who asks that would be without the cookie, so what it says is good enough.
func keepsCookie(r *http.Request) bool {
	return r.TLS != nil || strings.HasPrefix(header(r, "Origin"), "https://") ||
		strings.EqualFold(header(r, "X-Forwarded-Proto"), "https") || Loopback(hostName(r))
}
