package storage

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// BucketConfig says which object store bucket to use.
type BucketConfig struct {
	Name     string
	Replicas int // of a bucket that has to be made; 0: 1
}

// Bucket is a Storage in a NATS object store bucket: an object for each blob.
// What Put has stored is as durable as the bucket's stream: a server that syncs
// at intervals can lose the last of them with a power cut.
//
// Blobs are small and are put one after the other, because a server that syncs
// every message refuses (429, error 10167) what comes faster than it can store.
type Bucket struct {
	name     string
	js       jetstream.JetStream
	objects  jetstream.ObjectStore
	stream   jetstream.Stream // behind the bucket
	replicas int
}

// chunkSize is the size in bytes of the messages that objects are stored in,
// where the server takes messages of that size.
const chunkSize = 128 << 10

// OpenBucket opens a bucket, and makes it if it is not there; somebody else may do
// so at the same time. One that forgets objects by itself is refused.
func OpenBucket(ctx context.Context, js jetstream.JetStream, cfg BucketConfig) (*Bucket, error) {
	b := &Bucket{name: cfg.Name, js: js}
	err := b.attempt(ctx, func(ctx context.Context) error { return b.open(ctx, cfg) })
	if err != nil {
		return nil, fmt.Errorf("open %v: %w", b, err)
	}
	return b, nil
}

func (b *Bucket) open(ctx context.Context, cfg BucketConfig) (err error) {
	b.objects, err = b.js.ObjectStore(ctx, cfg.Name)
	if errors.Is(err, jetstream.ErrBucketNotFound) {
		b.objects, err = b.js.CreateObjectStore(ctx, jetstream.ObjectStoreConfig{
			Bucket: cfg.Name, Description: "reddot: snapshots", Storage: jetstream.FileStorage, Replicas: cfg.Replicas,
		})
	}
	if err != nil {
		return err
	}
	if b.stream, err = b.js.Stream(ctx, "OBJ_"+cfg.Name); err != nil {
		return err
	}
	c := b.stream.CachedInfo().Config
	if c.MaxAge > 0 || c.Discard != jetstream.DiscardNew || c.Storage != jetstream.FileStorage {
		return errors.New("it does not keep its objects for good: it needs no TTL, discard new, and file storage; name another bucket, or none to have one made")
	}
	b.replicas = c.Replicas
	return nil
}

// String names the bucket for people.
func (b *Bucket) String() string { return "bucket " + b.name }

// Replicas is how many servers keep the bucket.
func (b *Bucket) Replicas() int { return b.replicas }

// Put implements Storage.
func (b *Bucket) Put(ctx context.Context, name string, data []byte) error {
	if err := errors.Join(ctx.Err(), checkBlob(name, data)); err != nil {
		return err
	}
	err := b.attempt(ctx, func(ctx context.Context) error {
		chunk := uint32(min(chunkSize, b.js.Conn().MaxPayload()))
		meta := jetstream.ObjectMeta{Name: name, Opts: &jetstream.ObjectMetaOptions{ChunkSize: chunk}}
		_, err := b.objects.Put(ctx, meta, bytes.NewReader(data))
		return err
	})
	if err != nil {
		return fmt.Errorf("store %s in %v: %w", name, b, err)
	}
	return nil
}

// Get implements Storage.
func (b *Bucket) Get(ctx context.Context, name string) (data []byte, err error) {
	if err := errors.Join(ctx.Err(), checkName(name)); err != nil {
		return nil, err
	}
	err = b.attempt(ctx, func(ctx context.Context) (err error) {
		data, err = b.get(ctx, name)
		return err
	})
	if errors.Is(err, jetstream.ErrObjectNotFound) {
		err = ErrNotFound
	}
	if err != nil {
		return nil, fmt.Errorf("read %s in %v: %w", name, b, err)
	}
	return data, nil
}

// errReplaced says that an object was replaced while it was read.
var errReplaced = errors.New("the object was replaced meanwhile")

func (b *Bucket) get(ctx context.Context, name string) ([]byte, error) {
	info, err := b.objects.GetInfo(ctx, name)
	if err != nil {
		return nil, noMeta(err)
	}
	data, err := b.chunks(ctx, info)
	if !errors.Is(err, ErrCorrupt) {
		return data, err
	}
	if now, e := b.objects.GetInfo(ctx, name); e != nil || now.NUID != info.NUID {
		return nil, errors.Join(errReplaced, noMeta(e))
	}
	return nil, err
}

func noMeta(err error) error {
	if errors.Is(err, jetstream.ErrBadObjectMeta) {
		return fmt.Errorf("%w: %w", ErrCorrupt, err)
	}
	return err
}

// chunks reads an object message by message. The object store's own way, a
// consumer, waits for messages that a corrupt stream never delivers, and is
// slower.
func (b *Bucket) chunks(ctx context.Context, info *jetstream.ObjectInfo) ([]byte, error) {
	if info.Size > MaxBlob {
		return nil, fmt.Errorf("%w: an object of %d bytes", ErrCorrupt, info.Size)
	}
	data := make([]byte, 0, info.Size)
	next, subject := uint64(1), b.chunkSubject(info.NUID)
	for i := range info.Chunks {
		m, err := b.stream.GetMsg(ctx, next, jetstream.WithGetMsgSubject(subject))
		if errors.Is(err, jetstream.ErrMsgNotFound) {
			err = fmt.Errorf("%w: chunk %d of %d is gone", ErrCorrupt, i+1, info.Chunks)
		}
		if err != nil {
			return nil, err
		}
		if next = m.Sequence + 1; uint64(len(data)+len(m.Data)) > info.Size {
			break
		}
		data = append(data, m.Data...)
	}
	if uint64(len(data)) != info.Size {
		return nil, fmt.Errorf("%w: its chunks do not make up %d bytes", ErrCorrupt, info.Size)
	}
	return data, nil
}

func (b *Bucket) chunkSubject(nuid string) string { return "$O." + b.name + ".C." + nuid }

func (b *Bucket) metaSubject(name string) string {
	return "$O." + b.name + ".M." + base64.URLEncoding.EncodeToString([]byte(name))
}

// List implements Storage.
func (b *Bucket) List(ctx context.Context, prefix string) ([]Blob, error) {
	var blobs []Blob
	err := b.attempt(ctx, func(ctx context.Context) error {
		infos, err := b.infos(ctx)
		if err != nil {
			return err
		}
		blobs = nil
		for name, info := range infos {
			if !info.Deleted && strings.HasPrefix(name, prefix) && checkName(name) == nil {
				blobs = append(blobs, Blob{name, info.Size, info.ModTime})
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("list %v: %w", b, err)
	}
	slices.SortFunc(blobs, func(a, b Blob) int { return strings.Compare(a.Name, b.Name) })
	return blobs, nil
}

// infos returns the last word of the stream on each object, deleted ones too.
// Replaced and deleted objects may come twice, in the order of the stream.
func (b *Bucket) infos(ctx context.Context) (map[string]*jetstream.ObjectInfo, error) {
	watch, err := b.objects.Watch(ctx)
	if err != nil {
		return nil, err
	}
	defer func() {
		_ = watch.Stop()
		for range watch.Updates() { // until the subscription, which what is on its way must not block, is gone
		}
	}()
	infos := make(map[string]*jetstream.ObjectInfo)
	for {
		select {
		case info, ok := <-watch.Updates():
			switch {
			case !ok: // looks like the end, but is not
				return nil, nats.ErrConnectionClosed
			case info == nil:
				return infos, nil
			}
			infos[info.Name] = info
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// Delete implements Storage.
func (b *Bucket) Delete(ctx context.Context, names ...string) error {
	for _, name := range names {
		if err := errors.Join(ctx.Err(), checkName(name)); err != nil {
			return err
		}
		err := b.attempt(ctx, func(ctx context.Context) error { return b.objects.Delete(ctx, name) })
		if err != nil && !errors.Is(err, jetstream.ErrObjectNotFound) {
			return fmt.Errorf("delete %s in %v: %w", name, b, err)
		}
	}
	return nil
}

// Sweep implements Storage: it frees chunks that belong to no object, and the
// marks that deleted objects leave. Only what is old goes: chunks are stored
// before the object that they belong to.
func (b *Bucket) Sweep(ctx context.Context, before time.Time) error {
	err := b.attempt(ctx, func(ctx context.Context) error {
		chunks, err := b.stream.Info(ctx, jetstream.WithSubjectFilter(b.chunkSubject("*")))
		if err != nil {
			return err
		}
		infos, err := b.infos(ctx)
		if err != nil {
			return err
		}
		for name, info := range infos {
			if !info.Deleted {
				delete(chunks.State.Subjects, b.chunkSubject(info.NUID))
			} else if err := b.purge(ctx, b.metaSubject(name), before); err != nil {
				return err
			}
		}
		for subject := range chunks.State.Subjects {
			if err := b.purge(ctx, subject, before); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("sweep %v: %w", b, err)
	}
	return nil
}

// purge removes a subject's messages if the last one is old, and none that
// comes after it.
func (b *Bucket) purge(ctx context.Context, subject string, before time.Time) error {
	last, err := b.stream.GetLastMsgForSubject(ctx, subject)
	if errors.Is(err, jetstream.ErrMsgNotFound) {
		return nil
	}
	if err != nil || !last.Time.Before(before) {
		return err
	}
	return b.stream.Purge(ctx, jetstream.WithPurgeSubject(subject), jetstream.WithPurgeSequence(last.Sequence+1))
}
