package repository

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"regexp"
	"strings"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/spf13/pflag"

	"reddot/cmd/reddot/datadir"
	"reddot/snapshot/storage"
)

// bucketScheme marks a place of snapshots that is an object store bucket.
const bucketScheme = "bucket:"

// Off is the place of snapshots that turns them off.
const Off = "off"

// Place says where snapshots are kept.
type Place struct {
	Data datadir.Dir
	At   string // a folder, "bucket:NAME", Off, or empty: the folder for them in Data

	Replicas int // of a bucket that is made; 0: one
}

// AddFlags adds the flags that fill p.
func (p *Place) AddFlags(f *pflag.FlagSet) {
	f.StringVar((*string)(&p.Data), "data", string(datadir.Default), "`directory` of the server's data")
	f.StringVar(&p.At, "snapshots", "", "`place` of the snapshots: a directory or bucket:NAME (default the directory snapshots of --data)")
}

// Validate reports what is wrong with the flags.
func (p *Place) Validate() error {
	if p.Data == "" {
		return errors.New("--data is empty: name a directory")
	}
	if name, ok := p.Bucket(); ok && !regexp.MustCompile(`^[a-zA-Z0-9_-]+$`).MatchString(name) {
		return fmt.Errorf("--snapshots %q: name the bucket with letters, digits, - and _, as in bucket:NAME", p.At)
	}
	return nil
}

// Bucket is the name of the bucket, if it is one.
func (p *Place) Bucket() (name string, ok bool) { return strings.CutPrefix(p.At, bucketScheme) }

// BucketStream is the stream behind a bucket.
func BucketStream(bucket string) string { return "OBJ_" + bucket }

// Folder is the folder, if it is one.
func (p *Place) Folder() string {
	if p.At == "" {
		return p.Data.Snapshots()
	}
	return p.At
}

// Make opens the place, and makes what is not there; js is asked for only if it is a
// bucket.
func (p *Place) Make(ctx context.Context, js func() (jetstream.JetStream, error)) (storage.Storage, error) {
	name, ok := p.Bucket()
	if !ok {
		return storage.NewFolder(nil, p.Folder()), nil
	}
	stream, err := js()
	if err != nil {
		return nil, err
	}
	return storage.OpenBucket(ctx, stream, storage.BucketConfig{Name: name, Replicas: p.Replicas})
}

// ErrNothing is wrapped where there is nothing at the place of snapshots.
var ErrNothing = errors.New(`take one with "reddot snapshot create", or name their place with --data or --snapshots`)

// Find opens the place for those who take no snapshots: if it is not there, the error is
// ErrNothing.
func (p *Place) Find(ctx context.Context, js func() (jetstream.JetStream, error)) (storage.Storage, error) {
	name, ok := p.Bucket()
	if !ok {
		if _, err := os.Stat(p.Folder()); errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("there are no snapshots in %s: %w", p.Folder(), ErrNothing)
		}
		return p.Make(ctx, js)
	}
	stream, err := js()
	if err != nil {
		return nil, err
	}
	if _, err := stream.ObjectStore(ctx, name); errors.Is(err, jetstream.ErrBucketNotFound) {
		return nil, fmt.Errorf("there is no bucket %s: %w", name, ErrNothing)
	}
	return p.Make(ctx, js)
}
