package main

import (
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"
)

// hidden stands for a password or a token.
const hidden = "xxxxx"

// unreadableURL stands for URLs of which nobody can say where the secret ends.
const unreadableURL = "(a URL that can't be read)"

// natsSchemes are those that a NATS client understands.
var natsSchemes = []string{"nats", "tls", "ws", "wss"}

// parseURL reads a server's URL; the scheme may be left out. Its errors never
// quote the URL, which may hold a password.
func parseURL(s string) (*url.URL, error) {
	s = strings.TrimSpace(s)
	if !strings.Contains(s, "://") {
		s = "nats://" + s
	}
	u, err := url.Parse(s)
	switch {
	case err != nil || u.Host == "" || u.Opaque != "":
		return nil, errors.New("it is no URL: use nats://HOST:PORT, tls://, ws:// or wss://, with % codes for the special characters of a password")
	case !slices.Contains(natsSchemes, u.Scheme):
		return nil, fmt.Errorf("scheme %q: use nats://, tls://, ws:// or wss://", u.Scheme)
	}
	return u, nil
}

// parseURLs reads URLs separated by commas.
func parseURLs(list string) ([]*url.URL, error) {
	var urls []*url.URL
	for n, s := range strings.Split(list, ",") {
		u, err := parseURL(s)
		if err != nil {
			return nil, fmt.Errorf("URL %d: %w", n+1, err)
		}
		urls = append(urls, u)
	}
	return urls, nil
}

// redacted is a list of URLs without what lets one in: passwords, tokens, and
// the queries of WebSocket URLs.
func redacted(list string) string {
	urls, err := parseURLs(list)
	if err != nil {
		return unreadableURL
	}
	safe := make([]string, len(urls))
	for i, u := range urls {
		safe[i] = shownURL(u)
	}
	return strings.Join(safe, ",")
}

func shownURL(u *url.URL) string {
	safe := url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path}
	if u.User != nil {
		if _, ok := u.User.Password(); ok {
			safe.User = url.UserPassword(u.User.Username(), hidden)
		} else {
			safe.User = url.User(hidden) // a user without a password is a token
		}
	}
	return safe.String()
}

// userInfo is what stands before the host of a URL within a text.
var userInfo = regexp.MustCompile(`([a-zA-Z][a-zA-Z0-9+.-]*://)[^/\s"]*@`)

// scrubbed is a text, of a library too, without what lets one in. Everything
// that is printed or logged goes through it.
func scrubbed(text string) string {
	if !strings.Contains(text, "@") {
		return text
	}
	return userInfo.ReplaceAllStringFunc(text, func(found string) string {
		scheme, rest, _ := strings.Cut(found, "://")
		if user, _, ok := strings.Cut(strings.TrimSuffix(rest, "@"), ":"); ok && !strings.ContainsAny(user, ",@") {
			return scheme + "://" + user + ":" + hidden + "@"
		}
		return scheme + "://" + hidden + "@"
	})
}

// safeError is an error whose text is fit to be shown.
type safeError struct {
	err  error
	text string
}

func (e safeError) Error() string { return e.text }
func (e safeError) Unwrap() error { return e.err }

// safe is an error of the NATS library without what lets one in.
func safe(err error) error {
	if err == nil {
		return nil
	}
	return safeError{err, scrubbed(err.Error())}
}
