package client

import (
	"context"
	"time"

	"reddot/events"
)

// Status says how far reddot has come: the seqs applied, emitted, durable and
// last in the stream. [After] has it wait until the command is applied and its
// events are stored.
func (c *Client) Status(ctx context.Context, opts ...QueryOption) (events.Status, error) {
	var r events.StatusRequest
	return ask[events.Status](ctx, c, &question{query: events.QueryStatus, subject: c.subjects.Status(), request: &r, wait: &r.Wait}, opts)
}

// Rebuild has reddot build its store from scratch, from the log, beside the one in
// use, and returns at once: [Client.Status] shows how far the run is that the reply
// names.
func (c *Client) Rebuild(ctx context.Context, opts ...QueryOption) (events.Rebuild, error) {
	var r events.RebuildRequest
	return ask[events.Rebuild](ctx, c, &question{query: events.QueryRebuild, subject: c.subjects.Rebuild(), request: &r, wait: &r.Wait}, opts)
}

// Snapshot has reddot take a snapshot of its state, and returns at once:
// [Client.Status] shows how far the run is that the reply names. A reddot that
// takes none answers with code 400.
func (c *Client) Snapshot(ctx context.Context, opts ...QueryOption) (events.Snapshot, error) {
	var r events.SnapshotRequest
	return ask[events.Snapshot](ctx, c, &question{query: events.QuerySnapshot, subject: c.subjects.Snapshot(), request: &r, wait: &r.Wait}, opts)
}

// Hold has reddot hold events back for so long, at most events.MaxHoldMS (60 s), as
// during an import of many counts; then it sends once what has changed. Each call
// begins anew; 0 ends it. Refusals are not held back.
func (c *Client) Hold(ctx context.Context, ttl time.Duration, opts ...QueryOption) (events.HoldReply, error) {
	r := events.HoldRequest{TTLMS: uint64(max(ttl, 0).Milliseconds())}
	return ask[events.HoldReply](ctx, c, &question{query: events.QueryHold, subject: c.subjects.Hold(), request: &r, wait: &r.Wait}, opts)
}
