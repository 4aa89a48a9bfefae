package identity

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
)

// maxFile bounds the file and the key files that it names, in bytes.
const maxFile = 1 << 20

// file is the form of the file of --auth.
type file struct {
	Keys           []Entry    `json:"keys,omitzero"`
	Tokens         *tokenForm `json:"tokens,omitzero"`
	Origins        []string   `json:"origins,omitzero"`
	TrustedProxies []string   `json:"trusted_proxies,omitzero"`
}

// Entry is an API key as the file holds it.
type Entry struct {
	Name   string  `json:"name"`
	Role   string  `json:"role"`
	SHA256 string  `json:"sha256"`
	Rate   float64 `json:"rate,omitzero"`
}

// tokenForm is what the file says of tokens.
type tokenForm struct {
	Issuer         string   `json:"issuer,omitzero"`
	Audience       string   `json:"audience,omitzero"`
	UserClaim      string   `json:"user_claim,omitzero"`
	SecretFile     string   `json:"secret_file,omitzero"`
	PublicKeyFiles []string `json:"public_key_files,omitzero"`
	JWKSURL        string   `json:"jwks_url,omitzero"`
	MaxTTL         string   `json:"max_ttl,omitzero"`
	Leeway         string   `json:"leeway,omitzero"`
	AllowRoleClaim bool     `json:"allow_role_claim,omitzero"`
}

// Of tokens, where the file says nothing; and how far it may go.
const (
	defaultUserClaim = "sub"
	defaultMaxTTL    = 24 * time.Hour
	mostTTL          = 366 * 24 * time.Hour
	mostLeeway       = 10 * time.Minute
)

// readFile reads a file that is not larger than it may be.
func readFile(path string) ([]byte, error) {
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
	return os.ReadFile(path)
}

// parseFile reads the file's form: strictly, as a misspelt field would let in whom it
// was to keep out.
func parseFile(content []byte) (*file, error) {
	f := &file{}
	if err := json.Unmarshal(content, f, json.RejectUnknownMembers(true)); err != nil {
		return nil, reasonOf(err)
	}
	return f, nil
}

// reasonOf is an error of the JSON library in fewer words.
func reasonOf(err error) error {
	semantic, ok := errors.AsType[*json.SemanticError](err)
	if !ok {
		return fmt.Errorf("not JSON: %w", err)
	}
	at := string(semantic.JSONPointer)
	if errors.Is(err, json.ErrUnknownName) {
		return fmt.Errorf("unknown field %q", at)
	}
	if semantic.GoType != nil {
		return fmt.Errorf("%s: want a %s", at, semantic.GoType)
	}
	return err
}

// config is a file that is understood.
type config struct {
	keys    map[[sha256.Size]byte]Identity
	tokens  *verifier // nil: there are none
	origins []string
	proxies []netip.Prefix
}

// understand checks what a file says. dir is what its paths are relative to.
func (f *file) understand(dir string) (*config, error) {
	c := &config{keys: map[[sha256.Size]byte]Identity{}}
	for n, e := range f.Keys {
		id, digest, err := e.understand()
		if err == nil && c.keys[digest].Role != 0 && c.keys[digest] != id {
			err = errors.New("the same sha256 as an entry before, with another name, role or rate")
		}
		if err != nil {
			return nil, fmt.Errorf("keys[%d]: %w", n, err)
		}
		c.keys[digest] = id
	}
	for n, o := range f.Origins {
		if err := checkOrigin(o); err != nil {
			return nil, fmt.Errorf("origins[%d]: %w", n, err)
		}
		c.origins = append(c.origins, o)
	}
	for n, p := range f.TrustedProxies {
		network, err := parseNetwork(p)
		if err != nil {
			return nil, fmt.Errorf("trusted_proxies[%d]: %w", n, err)
		}
		c.proxies = append(c.proxies, network)
	}
	if f.Tokens != nil {
		v, err := f.Tokens.understand(dir)
		if err != nil {
			return nil, fmt.Errorf("tokens: %w", err)
		}
		c.tokens = v
	}
	return c, nil
}

var keyName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`)

// CheckKeyName reports why s is no name of a key.
func CheckKeyName(s string) error {
	if !keyName.MatchString(s) {
		return fmt.Errorf("name %q: use 1 to 64 letters, digits, '.', '_' and '-', the first a letter or a digit", s)
	}
	return nil
}

// maxKeyRate bounds the rate of a key, in commands a second.
const maxKeyRate = 1e7

func (e *Entry) understand() (id Identity, digest [sha256.Size]byte, err error) {
	if err := CheckKeyName(e.Name); err != nil {
		return id, digest, err
	}
	role, err := ParseRole(e.Role)
	if err != nil {
		return id, digest, err
	}
	sum, err := hex.DecodeString(e.SHA256)
	if err != nil || len(sum) != sha256.Size {
		return id, digest, fmt.Errorf("sha256: want %d hex digits, as \"reddot key new\" writes them", 2*sha256.Size)
	}
	if e.Rate < 0 || e.Rate > maxKeyRate || e.Rate != 0 && e.Rate < 0.001 {
		return id, digest, fmt.Errorf("rate %v: use commands a second up to %v, or leave it out for any number", e.Rate, float64(maxKeyRate))
	}
	return Identity{Role: role, Name: e.Name, Read: true, Mark: true, Rate: e.Rate}, [sha256.Size]byte(sum), nil
}

// checkOrigin reports why s is not an origin as browsers send it.
func checkOrigin(s string) error {
	u, err := url.Parse(s)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || s != u.Scheme+"://"+strings.ToLower(u.Host) {
		return fmt.Errorf("%q: want scheme, host and port as a browser sends them, as https://chat.example", s)
	}
	return nil
}

// parseNetwork reads a network, or one address.
func parseNetwork(s string) (netip.Prefix, error) {
	if address, err := netip.ParseAddr(s); err == nil {
		return netip.PrefixFrom(address.Unmap(), address.Unmap().BitLen()), nil
	}
	network, err := netip.ParsePrefix(s)
	if err != nil {
		return network, fmt.Errorf("%q: want a network as 10.0.0.0/8, or an address", s)
	}
	if network != network.Masked() {
		return network, fmt.Errorf("%q: bits are set behind the /%d: write %s", s, network.Bits(), network.Masked())
	}
	return network, nil
}

func (t *tokenForm) understand(dir string) (*verifier, error) {
	v := &verifier{issuer: t.Issuer, audience: t.Audience, userClaim: t.UserClaim, roleClaim: t.AllowRoleClaim, url: t.JWKSURL}
	if v.userClaim == "" {
		v.userClaim = defaultUserClaim
	}
	var err error
	if v.maxTTL, err = parseTime("max_ttl", t.MaxTTL, defaultMaxTTL, time.Second, mostTTL); err != nil {
		return nil, err
	}
	if v.leeway, err = parseTime("leeway", t.Leeway, 0, 0, mostLeeway); err != nil {
		return nil, err
	}
	if t.SecretFile == "" && len(t.PublicKeyFiles) == 0 && t.JWKSURL == "" {
		return nil, errors.New("no key to check them with: give secret_file, public_key_files or jwks_url")
	}
	if t.SecretFile != "" {
		if v.secret, err = readFile(within(dir, t.SecretFile)); err != nil {
			return nil, fmt.Errorf("secret_file: %w", err)
		}
		if len(v.secret) == 0 {
			return nil, fmt.Errorf("secret_file: %s is empty", t.SecretFile)
		}
	}
	for n, path := range t.PublicKeyFiles {
		keys, err := readPublicKeys(within(dir, path))
		if err != nil {
			return nil, fmt.Errorf("public_key_files[%d]: %w", n, err)
		}
		v.public = append(v.public, keys...)
	}
	if t.JWKSURL != "" {
		u, err := url.Parse(t.JWKSURL)
		if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
			return nil, errors.New("jwks_url: want a URL that begins with https://")
		}
	}
	return v, nil
}

// within is a path that is relative to a folder unless it is absolute.
func within(dir, path string) string {
	if filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(dir, path)
}

// parseTime reads a time of the file, within bounds.
func parseTime(name, s string, without, least, most time.Duration) (time.Duration, error) {
	if s == "" {
		return without, nil
	}
	d, err := time.ParseDuration(s)
	if err != nil || d < least || d > most {
		return 0, fmt.Errorf("%s %q: use a time with its unit, %v to %v", name, s, least, most)
	}
	return d, nil
}

// AddEntry returns the file's content with one key more. No content is an empty file.
func AddEntry(content []byte, e Entry) ([]byte, error) {
	f := &file{}
	if len(content) > 0 {
		var err error
		if f, err = parseFile(content); err != nil {
			return nil, err
		}
	}
	if _, _, err := e.understand(); err != nil {
		return nil, err
	}
	f.Keys = append(slices.Clip(f.Keys), e)
	return marshal(f)
}
