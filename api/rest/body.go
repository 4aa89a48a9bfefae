package rest

import (
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"os"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
)

// maxBodies is how many bytes of bodies may be held at a time, of all requests. What is
// announced and has not come is not held.
const maxBodies = 256 << 20

// firstRead is the room that a body begins with, in bytes; it doubles as more comes.
const firstRead = 16 << 10

// errBodies says that the bodies held take all the room there is.
var errBodies = errors.New("too many large requests at once; ask again")

// read reads the body, if the route has one.
func (s *Server) read(x *Exchange) error {
	r := x.Request
	if x.route.Body == 0 || r.Method == http.MethodGet || r.Method == http.MethodHead {
		return nil
	}
	if r.Header.Get("Content-Encoding") != "" && !strings.EqualFold(r.Header.Get("Content-Encoding"), "identity") {
		return Fail(BadMedia, "bodies are not taken compressed")
	}
	if r.ContentLength > x.route.Body {
		return tooLarge(x.route.Body)
	}
	body, err := s.take(x)
	if err != nil {
		return err
	}
	x.Body = body
	if len(body) == 0 {
		return nil
	}
	media, params, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if charset := params["charset"]; err != nil || media != "application/json" || charset != "" && !strings.EqualFold(charset, "utf-8") {
		return Fail(BadMedia, "a body is JSON: send it as Content-Type: application/json")
	}
	return nil
}

// take reads a body as it comes.
func (s *Server) take(x *Exchange) ([]byte, error) {
	most := x.route.Body
	if n := x.Request.ContentLength; n >= 0 {
		most = n
	}
	from := http.MaxBytesReader(x.Writer, x.Request.Body, x.route.Body)
	var body []byte
	for {
		if len(body) == cap(body) {
			room := min(most+1, max(firstRead, 2*int64(cap(body)))) // one more: where the end is found
			if !s.hold(x, room-int64(cap(body))) {
				return nil, &Problem{Code: Unavailable, Detail: errBodies.Error()}
			}
			body = slices.Grow(body, int(room)-len(body))
		}
		n, err := from.Read(body[len(body):cap(body)])
		body = body[:len(body)+n]
		if errors.Is(err, io.EOF) {
			return body, nil
		}
		if err != nil {
			return nil, x.cutOff(err)
		}
	}
}

// strictly decodes a body that is not one of a query or a command: an object with fields
// that are known. Of the URL nothing is taken.
func (x *Exchange) strictly(to any, example string) error {
	if err := only(x.Query); err != nil {
		return err
	}
	err := json.Unmarshal(x.Body, to, json.RejectUnknownMembers(true))
	if semantic, ok := errors.AsType[*json.SemanticError](err); ok && errors.Is(err, json.ErrUnknownName) {
		return Fail(BadRequest, "unknown field "+quoted(strings.TrimPrefix(string(semantic.JSONPointer), "/")))
	}
	if err != nil {
		return Fail(BadRequest, "want a JSON object, as "+example)
	}
	return nil
}

// hold counts room for a body; false: there is none left. It is let go of by release.
func (s *Server) hold(x *Exchange, n int64) bool {
	x.held += n
	return s.bodies.Add(n) <= maxBodies
}

// release lets go of the body: a stream does long before it ends.
func (s *Server) release(x *Exchange) {
	s.bodies.Add(-x.held)
	x.held, x.Body = 0, nil
}

// cutOff says why a body did not come.
func (x *Exchange) cutOff(err error) error {
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return tooLarge(x.route.Body)
	}
	x.Writer.Header().Set("Connection", "close")
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return Fail(BadRequest, fmt.Sprintf("the body did not come within %v", arriveTimeout))
	}
	return Fail(BadRequest, "the body did not come as it was announced")
}

func tooLarge(most int64) error {
	return Fail(TooLarge, fmt.Sprintf("the body is larger than %d bytes", most))
}
