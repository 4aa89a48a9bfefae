package server

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nkeys"
	"golang.org/x/sync/errgroup"

	"reddot/cmd/reddot/natsserver"
)

// A callout's bounds.
const (
	calloutTimeout = 4 * time.Second // for who asks; the NATS server waits as long as it is told
	calloutsAtOnce = 64
)

// CalloutAccount is the account of an existing NATS server that those who say who they are
// to reddot come into.
const CalloutAccount = "REDDOT"

// callout answers an existing NATS server that asks who somebody is who connects.
type callout struct {
	issuer nkeys.KeyPair
	guest  func(ctx context.Context, token string) (natsserver.Guest, error)
	crowd  *crowd
	refuse func(reason error, from, client any)
}

// ReadSeed reads the seed of an account's key, with which answers to a NATS server are
// signed.
func ReadSeed(path string) (nkeys.KeyPair, error) {
	content, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	key, err := nkeys.ParseDecoratedNKey(content)
	if err != nil {
		return nil, fmt.Errorf("%s: not the seed of a NATS key: %w", path, err)
	}
	public, err := key.PublicKey()
	if err != nil || !nkeys.IsValidPublicAccountKey(public) {
		return nil, fmt.Errorf("%s: want the seed of an account, which begins with SA", path)
	}
	return key, nil
}

// answerCallouts has a NATS server ask reddot who may connect, until ctx ends.
func (s *Server) answerCallouts(ctx context.Context, conn *nats.Conn) (wait func(), err error) {
	if s.issuer == nil {
		return func() {}, nil
	}
	c := &callout{issuer: s.issuer, guest: s.guest, crowd: newCrowd(conn), refuse: s.refuseNATS}
	var at errgroup.Group
	at.SetLimit(calloutsAtOnce)
	sub, err := conn.QueueSubscribe(server.AuthCalloutSubject, "reddot", func(m *nats.Msg) {
		at.Go(func() error {
			c.answer(ctx, m)
			return nil
		})
	})
	if err != nil {
		return nil, fmt.Errorf("listen to who connects to the NATS server: %w", err)
	}
	return func() {
		sub.Unsubscribe() // the connection may be closed: then it has ended with it
		at.Wait()
	}, nil
}

// errEncrypted is why a NATS server gets no answer that encrypts what it asks.
var errEncrypted = errors.New("the NATS server encrypts what it asks: take xkey out of its auth_callout")

// answer answers one request. What does not come from a NATS server gets no answer.
func (c *callout) answer(ctx context.Context, m *nats.Msg) {
	if m.Header.Get(server.AuthRequestXKeyHeader) != "" {
		c.refuse(errEncrypted, "", 0)
		return
	}
	request, err := jwt.DecodeAuthorizationRequestClaims(string(m.Data))
	if err != nil || request.Audience != server.AuthRequestSubject || m.Reply == "" {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, calloutTimeout)
	defer cancel()
	response := jwt.NewAuthorizationResponseClaims(request.UserNkey)
	response.Audience = request.Server.ID
	guest, err := c.guest(ctx, request.ConnectOptions.Token)
	if err == nil {
		err = c.crowd.enter(ctx, guest.Name, guest.Most)
	}
	if err == nil {
		response.Jwt, err = c.admit(request.UserNkey, guest)
	}
	if err != nil {
		c.refuse(err, request.ClientInformation.Host, request.ClientInformation.ID)
		response.Error = err.Error()
	}
	signed, err := response.Encode(c.issuer)
	if err != nil {
		c.refuse(fmt.Errorf("sign the answer: %w", err), request.ClientInformation.Host, request.ClientInformation.ID)
		return
	}
	m.Respond([]byte(signed)) // a connection that is lost is said elsewhere
}

// admit is the word for a NATS server of what a guest may do.
func (c *callout) admit(key string, guest natsserver.Guest) (string, error) {
	claims := jwt.NewUserClaims(key)
	claims.Name, claims.Audience = guest.Name, CalloutAccount
	if !guest.Until.IsZero() {
		claims.Expires = guest.Until.Unix()
	}
	claims.Pub, claims.Sub = calloutPermission(guest.Publish), calloutPermission(guest.Subscribe)
	return claims.Encode(c.issuer)
}

// calloutPermission is a list of subjects as a NATS server wants it: to it an empty one
// means all.
func calloutPermission(subjects []string) (p jwt.Permission) {
	if len(subjects) == 0 {
		p.Deny.Add(">")
	}
	p.Allow.Add(subjects...)
	return p
}
