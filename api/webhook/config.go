package webhook

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
)

// Type is what an endpoint is told of.
type Type string

// The types. Every endpoint is told of a resync, whatever its file says.
const (
	BadgeChanged        Type = "badge.changed"
	ConversationChanged Type = "conversation.changed"
	ReceiptCreated      Type = "receipt.created"
	GroupReceiptChanged Type = "group_receipt.changed"
	CommandRefused      Type = "command.refused"
	Resync              Type = "endpoint.resync"
	Test                Type = "endpoint.test" // sent when somebody asks for it, and else never
)

// types are those that a file may name.
var types = []Type{BadgeChanged, ConversationChanged, ReceiptCreated, GroupReceiptChanged, CommandRefused, Resync}

// Bounds of a file.
const (
	maxFile      = 1 << 20
	maxEndpoints = 64
	maxSecrets   = 10
	maxURL       = 2048
	mostDelay    = time.Hour
)

// Endpoint is where events go, as the file has it.
type Endpoint struct {
	Name        string   `json:"name"`                  // in the ids of its messages, in metrics and the log
	URL         string   `json:"url"`                   // http or https
	Types       []Type   `json:"types,omitzero"`        // none: all
	Secrets     []string `json:"secrets"`               // each signs every message
	Delay       string   `json:"delay,omitzero"`        // how long a rising badge is held back
	UsersPrefix string   `json:"users_prefix,omitzero"` // only users whose id begins so
	SkipLive    bool     `json:"skip_live,omitzero"`    // not users who have a stream here

	delay   time.Duration
	signers []signer
}

// File is the endpoints of a file.
type File struct {
	Endpoints []Endpoint
	digest    string // of its bytes
}

// endpointName has no dots: a name is part of ids that must have none.
var endpointName = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)

// ReadFile reads a file of endpoints: strictly, as a misspelt field would tell somebody
// what is not meant for them, or nobody.
func ReadFile(path string) (*File, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if info.IsDir() {
		return nil, fmt.Errorf("%s is a directory", path)
	}
	if info.Size() > maxFile {
		return nil, fmt.Errorf("%s: larger than %d bytes", path, maxFile)
	}
	content, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	f, err := Parse(content)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return f, nil
}

// Parse reads the content of a file of endpoints.
func Parse(content []byte) (*File, error) {
	f := &File{}
	if err := json.Unmarshal(content, &f.Endpoints, json.RejectUnknownMembers(true)); err != nil {
		return nil, reasonOf(err)
	}
	if len(f.Endpoints) > maxEndpoints {
		return nil, fmt.Errorf("%d endpoints: want at most %d", len(f.Endpoints), maxEndpoints)
	}
	names := map[string]int{}
	for n := range f.Endpoints {
		e := &f.Endpoints[n]
		if err := e.understand(); err != nil {
			return nil, fmt.Errorf("[%d].%w", n, err)
		}
		if first, known := names[e.Name]; known {
			return nil, fmt.Errorf("[%d].name: %q is that of [%d], too", n, e.Name, first)
		}
		names[e.Name] = n
	}
	sum := sha256.Sum256(content)
	f.digest = hex.EncodeToString(sum[:])
	return f, nil
}

// reasonOf is an error of the JSON library in fewer words, and without what the file says.
func reasonOf(err error) error {
	semantic, ok := errors.AsType[*json.SemanticError](err)
	switch {
	case !ok:
		return fmt.Errorf("not JSON: %w", err)
	case errors.Is(err, json.ErrUnknownName):
		return fmt.Errorf("unknown field %q", semantic.JSONPointer)
	case semantic.JSONPointer == "":
		return errors.New(`want a list of endpoints: [{"name": ..., "url": ..., "secrets": [...]}]`)
	case semantic.GoType != nil:
		return fmt.Errorf("%s: want a %s", semantic.JSONPointer, semantic.GoType.Kind())
	}
	return fmt.Errorf("%s: not understood", semantic.JSONPointer)
}

// understand checks an endpoint. No error has a secret in it.
func (e *Endpoint) understand() error {
	if !endpointName.MatchString(e.Name) {
		return fmt.Errorf("name: %q: use 1 to 64 letters, digits, '_' and '-'", e.Name)
	}
	if err := checkURL(e.URL); err != nil {
		return fmt.Errorf("url: %w", err)
	}
	for n, t := range e.Types {
		if !slices.Contains(types, t) {
			return fmt.Errorf("types[%d]: %q: use %s", n, t, listed(types))
		}
		if slices.Contains(e.Types[:n], t) {
			return fmt.Errorf("types[%d]: %q stands there twice", n, t)
		}
	}
	if n := len(e.Secrets); n < 1 || n > maxSecrets {
		return fmt.Errorf("secrets: want 1 to %d, as whsec_... or whsk_..., got %d", maxSecrets, n)
	}
	for n, s := range e.Secrets {
		by, err := parseSecret(s)
		if err != nil {
			return fmt.Errorf("secrets[%d]: %w", n, err)
		}
		e.signers = append(e.signers, by)
	}
	if e.Delay != "" {
		d, err := time.ParseDuration(e.Delay)
		if err != nil || d < 0 || d > mostDelay {
			return fmt.Errorf("delay: %q: use a time with its unit, as 10s, up to %v", e.Delay, mostDelay)
		}
		e.delay = d
	}
	return nil
}

// checkURL reports why nothing can be sent to a URL. It does not repeat it: it may hold a
// password.
func checkURL(s string) error {
	u, err := url.Parse(s)
	switch {
	case s == "":
		return errors.New("is missing")
	case len(s) > maxURL:
		return fmt.Errorf("longer than %d bytes", maxURL)
	case err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" || u.Opaque != "":
		return errors.New("want one that begins with https:// or http:// and names a host")
	case u.Fragment != "":
		return errors.New("leave out what follows the #: it is not sent")
	}
	return nil
}

func listed(all []Type) string {
	names := make([]string, len(all))
	for i, t := range all {
		names[i] = string(t)
	}
	return strings.Join(names, ", ")
}

// wants reports whether the endpoint is told of a type.
func (e *Endpoint) wants(t Type) bool {
	return t == Resync || t == Test || len(e.Types) == 0 || slices.Contains(e.Types, t)
}

// about reports whether the endpoint is told of a user.
func (e *Endpoint) about(user string) bool { return strings.HasPrefix(user, e.UsersPrefix) }

// shown is the URL without what may be secret in it.
func (e *Endpoint) shown() string {
	u, err := url.Parse(e.URL)
	if err != nil {
		return ""
	}
	u.User, u.RawQuery = nil, ""
	return u.String()
}

// same reports whether two endpoints are told the same in the same way.
func (e *Endpoint) same(o *Endpoint) bool {
	return e.Name == o.Name && e.URL == o.URL && slices.Equal(e.Types, o.Types) && slices.Equal(e.Secrets, o.Secrets) &&
		e.delay == o.delay && e.UsersPrefix == o.UsersPrefix && e.SkipLive == o.SkipLive
}
