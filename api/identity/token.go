package identity

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"reddot/events"
)

// maxToken bounds a token, in bytes: it is looked at before anybody is known.
const maxToken = 8 << 10

// byToken is who a token is of. remote is the key set of its URL, nil if there is none.
func (v *verifier) byToken(ctx context.Context, credential string, now time.Time, remote *remote) (Identity, error) {
	if v == nil {
		return Identity{}, refuseToken("the file knows no tokens")
	}
	if len(credential) > maxToken {
		return Identity{}, refuseToken("longer than %d bytes", maxToken)
	}
	claims, err := v.parse(ctx, credential, now, remote)
	if err != nil {
		return Identity{}, v.explain(err)
	}
	return v.identify(claims, now)
}

// parse checks signature and times. The keys of the file are tried first: a token of
// theirs asks nobody else.
func (v *verifier) parse(ctx context.Context, credential string, now time.Time, remote *remote) (jwt.MapClaims, error) {
	options := []jwt.ParserOption{
		jwt.WithValidMethods(v.methods()), jwt.WithExpirationRequired(), jwt.WithIssuedAt(), jwt.WithLeeway(v.leeway),
		jwt.WithTimeFunc(func() time.Time { return now }), jwt.WithStrictDecoding(),
	}
	if v.audience != "" {
		options = append(options, jwt.WithAudience(v.audience))
	}
	if v.issuer != "" {
		options = append(options, jwt.WithIssuer(v.issuer))
	}
	parser, claims := jwt.NewParser(options...), jwt.MapClaims{}
	_, err := parser.ParseWithClaims(credential, claims, func(t *jwt.Token) (any, error) {
		if err := strange(t, claims); err != nil {
			return nil, err
		}
		set := v.keysOf(t.Method.Alg())
		if len(set.Keys) == 0 {
			return nil, errNoKey
		}
		return set, nil
	})
	if remote == nil || !errors.Is(err, errNoKey) && !errors.Is(err, jwt.ErrTokenSignatureInvalid) {
		return claims, err
	}
	claims = jwt.MapClaims{}
	_, err = parser.ParseWithClaims(credential, claims, func(t *jwt.Token) (any, error) {
		if !slices.Contains(publicMethods, t.Method.Alg()) {
			return nil, errNoKey
		}
		return remote.key(ctx, t, now)
	})
	return claims, err
}

// maxSeconds bounds the times of a token, which the library takes for whole seconds
// whatever they are.
const maxSeconds = 1 << 40

// strange says what the library lets pass and this package does not: a header that demands
// what nobody here knows of, and times beyond all calendars.
func strange(t *jwt.Token, claims jwt.MapClaims) error {
	if _, critical := t.Header["crit"]; critical {
		return errors.New(`its header has "crit"`)
	}
	for _, name := range []string{"exp", "nbf", "iat"} {
		if at, ok := claims[name].(float64); ok && (at > maxSeconds || at < 0) {
			return fmt.Errorf("%s is %v", name, at)
		}
	}
	return nil
}

// explain is a refusal of a token that the library refuses. "Expired" is what it says of
// one that was valid.
func (v *verifier) explain(err error) error {
	if errors.Is(err, errNotFetched) {
		return &Refusal{Method: ByToken, Outcome: Unavailable, Reason: err.Error()}
	}
	others := []error{jwt.ErrTokenInvalidAudience, jwt.ErrTokenInvalidIssuer, jwt.ErrTokenNotValidYet, jwt.ErrTokenUsedBeforeIssued}
	if errors.Is(err, jwt.ErrTokenExpired) && !slices.ContainsFunc(others, func(e error) bool { return errors.Is(err, e) }) {
		return &Refusal{Method: ByToken, Outcome: Expired, Reason: "expired"}
	}
	return refuseToken("%v", err)
}

// maxReason bounds what the log says of a token, in bytes.
const maxReason = 200

func refuseToken(format string, args ...any) error {
	reason := fmt.Sprintf(format, args...) // may quote the token's header
	if len(reason) > maxReason {
		reason = reason[:maxReason] + "..."
	}
	return &Refusal{Method: ByToken, Outcome: Invalid, Reason: reason}
}

// identify reads who a token is of, once its signature holds.
func (v *verifier) identify(claims jwt.MapClaims, now time.Time) (Identity, error) {
	expires, err := claims.GetExpirationTime()
	if err != nil || expires == nil {
		return Identity{}, refuseToken("exp is not a time")
	}
	if expires.Sub(now) > v.maxTTL+v.leeway {
		return Identity{}, refuseToken("it lives longer than max_ttl, %v", v.maxTTL)
	}
	user, ok := claims[v.userClaim].(string)
	if !ok {
		return Identity{}, refuseToken("the claim %q is not a string", v.userClaim)
	}
	if err := events.CheckID(v.userClaim, user); err != nil {
		return Identity{}, refuseToken("%v", err)
	}
	id := Identity{Role: User, User: user, Expires: expires.Time, Read: true, Mark: true}
	own, has := claims["reddot"]
	if !has {
		return id, nil
	}
	return v.narrow(id, own)
}

// narrow obeys the claim "reddot".
func (v *verifier) narrow(id Identity, claim any) (Identity, error) {
	own, ok := claim.(map[string]any)
	if !ok {
		return Identity{}, refuseToken(`the claim "reddot" is not an object`)
	}
	if can, has := own["can"]; has {
		words, ok := can.([]any)
		if !ok {
			return Identity{}, refuseToken(`the claim "reddot.can" is not a list`)
		}
		id.Read, id.Mark = slices.Contains(words, any("read")), slices.Contains(words, any("mark"))
	}
	if role, has := own["role"]; has && v.roleClaim {
		word, _ := role.(string)
		r, err := ParseRole(word)
		if err == nil {
			err = CheckKeyName(id.User)
		}
		if err != nil {
			return Identity{}, refuseToken(`the claim "reddot.role": %v`, err)
		}
		id.Role, id.Name, id.User = r, id.User, ""
	}
	return id, nil
}

// ErrLifetime: a token can't live as long as it was to.
var ErrLifetime = errors.New("a life")

// mint signs a token with the secret.
func (v *verifier) mint(user string, ttl time.Duration, now time.Time) (string, error) {
	switch {
	case v == nil || v.secret == nil:
		return "", errors.New("the file names no secret to sign with: give tokens.secret_file")
	case ttl < time.Second || ttl > v.maxTTL:
		return "", fmt.Errorf("%w of %v: use 1s to %v, which is max_ttl", ErrLifetime, ttl, v.maxTTL)
	}
	if err := events.CheckID("user", user); err != nil {
		return "", err
	}
	claims := jwt.MapClaims{v.userClaim: user, "iat": now.Unix(), "exp": now.Add(ttl).Unix()}
	if v.issuer != "" {
		claims["iss"] = v.issuer
	}
	if v.audience != "" {
		claims["aud"] = v.audience
	}
	return jwt.NewWithClaims(jwt.SigningMethodHS256, claims).SignedString(v.secret)
}
