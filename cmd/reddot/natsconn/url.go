package natsconn

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
)

// Hidden stands for a password or a token.
const Hidden = "xxxxx"

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

// Redacted is a list of URLs without what lets one in: passwords, tokens, and
// the queries of WebSocket URLs.
func Redacted(list string) string {
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
			safe.User = url.UserPassword(u.User.Username(), Hidden)
		} else {
			safe.User = url.User(Hidden) // a user without a password is a token
		}
	}
	return safe.String()
}
