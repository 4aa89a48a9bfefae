package webhook

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"reddot/events"
)

// Bounds of what is kept.
const (
	deadAge       = 7 * 24 * time.Hour
	maxDead       = 100_000   // dead letters of an endpoint; then the oldest go
	maxTold       = 1_000_000 // users' badges, of all endpoints; then those go that were told of longest ago
	maxAckPending = 20_000
	ackWait       = 30 * time.Second // after which what is not told and not touched comes again
	touchEvery    = ackWait / 3
)

// names are the subjects and streams of webhooks.
type names struct{ events.Subjects }

// stateStream holds what the endpoints were told last, and who delivers.
func (n names) stateStream() string         { return n.streamPrefix() + "_WEBHOOKS" }
func (n names) state() string               { return n.Prefix() + "-hooks" }
func (n names) lease() string               { return n.state() + ".lease" }
func (n names) told(endpoint string) string { return n.state() + ".told." + endpoint + "." }

// deadStream holds the dead letters.
func (n names) deadStream() string          { return n.streamPrefix() + "_DEAD" }
func (n names) dead(endpoint string) string { return n.Prefix() + ".dead." + endpoint }

// asked is where who delivers is asked what an operator wants.
func (n names) asked(what string) string { return n.Prefix() + "-webhook." + what }

func (n names) streamPrefix() string {
	s := n.EventStream()
	return s[:len(s)-len("_EVENTS")]
}

// consumer is the durable consumer of an endpoint.
func consumerName(endpoint string) string { return "webhook-" + endpoint }

// What the metadata of a consumer says of its endpoint.
const (
	metadataPaused = "reddot-paused" // since when the endpoint wants no more
	metadataFile   = "reddot-file"   // the file as it was then
)

// ensure makes a stream unless it is there; what an operator has changed of it stays.
func ensure(ctx context.Context, js jetstream.JetStream, cfg jetstream.StreamConfig) (jetstream.Stream, error) {
	s, err := js.Stream(ctx, cfg.Name)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		if s, err = js.CreateStream(ctx, cfg); errors.Is(err, jetstream.ErrStreamNameAlreadyInUse) {
			s, err = js.Stream(ctx, cfg.Name) // another reddot has made it meanwhile
		}
	}
	if err != nil {
		return nil, fmt.Errorf("open stream %s: %w", cfg.Name, err)
	}
	return s, nil
}

// stateOf opens the stream of what was told.
func (n names) stateOf(ctx context.Context, js jetstream.JetStream, replicas int) (jetstream.Stream, error) {
	return ensure(ctx, js, jetstream.StreamConfig{
		Name: n.stateStream(), Description: "reddot: what webhooks have told last", Subjects: []string{n.state() + ".>"},
		Storage: jetstream.FileStorage, MaxMsgsPerSubject: 1, MaxMsgs: maxTold, Discard: jetstream.DiscardOld, AllowDirect: true, Replicas: replicas,
	})
}

// deadOf opens the stream of dead letters.
func (n names) deadOf(ctx context.Context, js jetstream.JetStream, replicas int) (jetstream.Stream, error) {
	return ensure(ctx, js, jetstream.StreamConfig{
		Name: n.deadStream(), Description: "reddot: what webhooks could not tell", Subjects: []string{n.dead(">")},
		Storage: jetstream.FileStorage, MaxAge: deadAge, MaxMsgsPerSubject: maxDead, Discard: jetstream.DiscardOld, AllowDirect: true, Replicas: replicas,
	})
}

// consumer opens the consumer of an endpoint, and makes it if the endpoint is new: then it
// is told what happens from now on. One wildcard takes all events: with several filters a
// consumer looks for each of them from the start.
func (n names) consumer(ctx context.Context, js jetstream.JetStream, endpoint string) (jetstream.Consumer, error) {
	name := consumerName(endpoint)
	c, err := js.Consumer(ctx, n.EventStream(), name)
	if errors.Is(err, jetstream.ErrConsumerNotFound) {
		c, err = js.CreateConsumer(ctx, n.EventStream(), jetstream.ConsumerConfig{
			Durable: name, Description: "reddot: webhook " + endpoint, FilterSubject: n.Prefix() + "-out.>",
			DeliverPolicy: jetstream.DeliverNewPolicy, AckPolicy: jetstream.AckExplicitPolicy, AckWait: ackWait, MaxAckPending: maxAckPending, MaxDeliver: -1,
		})
		if errors.Is(err, jetstream.ErrConsumerExists) {
			c, err = js.Consumer(ctx, n.EventStream(), name)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("open the consumer of the webhook %s: %w", endpoint, err)
	}
	return c, nil
}

// pause writes down that an endpoint wants no more, or, with no time, that it does again.
func (n names) pause(ctx context.Context, js jetstream.JetStream, c jetstream.Consumer, since time.Time, file string) error {
	info, err := c.Info(ctx)
	if err != nil {
		return err
	}
	cfg := info.Config
	metadata := map[string]string{}
	for name, value := range cfg.Metadata {
		metadata[name] = value
	}
	delete(metadata, metadataPaused)
	delete(metadata, metadataFile)
	if !since.IsZero() {
		metadata[metadataPaused], metadata[metadataFile] = since.UTC().Format(time.RFC3339), file
	}
	cfg.Metadata = metadata
	_, err = js.UpdateConsumer(ctx, n.EventStream(), cfg)
	return err
}

// Publishes are the subjects that are published to, beside those of the event stream.
func Publishes(s events.Subjects) []string {
	n := names{s}
	all := []string{n.state() + ".>", n.dead(">"), Asked(s)}
	for _, stream := range []string{n.stateStream(), n.deadStream()} {
		for _, call := range []string{"STREAM.INFO.", "STREAM.CREATE.", "STREAM.MSG.DELETE.", "STREAM.MSG.GET.", "DIRECT.GET."} {
			all = append(all, "$JS.API."+call+stream)
		}
		all = append(all, "$JS.API.DIRECT.GET."+stream+".>")
	}
	return all
}

// Asked are the subjects on which reddots ask each other.
func Asked(s events.Subjects) string { return names{s}.asked(">") }
