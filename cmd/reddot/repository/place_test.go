package repository_test

import (
	"errors"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/spf13/pflag"

	"reddot/cmd/reddot/datadir"
	"reddot/cmd/reddot/repository"
	"reddot/projector/testkit"
	"reddot/projector/testkit/natstest"
)

func TestMain(m *testing.M) { testkit.Main(m) }

// TestPlace: what --snapshots and --data say.
func TestPlace(t *testing.T) {
	for line, want := range map[string]struct{ folder, bucket, says string }{
		"":                               {folder: "reddot-data/snapshots"},
		"--data d":                       {folder: "d/snapshots"},
		"--data d --snapshots elsewhere": {folder: "elsewhere"},
		"--snapshots bucket:kept_1-x":    {bucket: "kept_1-x"},
		"--snapshots bucket:":            {says: "name the bucket with letters"},
		"--snapshots bucket:a.b":         {says: `--snapshots "bucket:a.b"`},
		"--data=":                        {says: "--data is empty"},
		"--data= --snapshots elsewhere":  {says: "--data is empty"},
	} {
		var p repository.Place
		f := pflag.NewFlagSet("", pflag.ContinueOnError)
		p.AddFlags(f)
		testkit.OK(t, f.Parse(strings.Fields(line)))
		err := p.Validate()
		if want.says != "" {
			if err == nil || !strings.Contains(err.Error(), want.says) {
				t.Errorf("%q: %v", line, err)
			}
			continue
		}
		bucket, ok := p.Bucket()
		if err != nil || bucket != want.bucket && ok || ok != (want.bucket != "") || !ok && filepath.Clean(p.Folder()) != want.folder {
			t.Errorf("%q: bucket %q, folder %s: %v", line, bucket, p.Folder(), err)
		}
	}
}

// TestFind: a place where nobody has taken snapshots is not made by who looks for them.
func TestFind(t *testing.T) {
	js := natstest.Start(t).JetStream()
	stream := func() (jetstream.JetStream, error) { return js, nil }
	none := func() (jetstream.JetStream, error) {
		t.Error("the NATS server is asked for a folder")
		return nil, errors.ErrUnsupported
	}
	data := datadir.Dir(t.TempDir())
	for _, c := range []struct {
		place repository.Place
		js    func() (jetstream.JetStream, error)
	}{
		{repository.Place{Data: data}, none},
		{repository.Place{Data: data, At: "bucket:kept"}, stream},
	} {
		if _, err := c.place.Find(t.Context(), c.js); !errors.Is(err, repository.ErrNothing) {
			t.Errorf("%+v: %v", c.place, err)
		}
		made := testkit.Must(c.place.Make(t.Context(), c.js))(t)
		repo := testkit.Must(repository.Open(t.Context(), made, t.TempDir(), "test", slog.New(slog.DiscardHandler)))(t)
		if entries, err := repo.List(t.Context()); err != nil || len(entries) > 0 {
			t.Errorf("%+v: %d snapshots: %v", c.place, len(entries), err)
		}
		if _, ok := c.place.Bucket(); !ok {
			continue
		}
		if _, err := c.place.Find(t.Context(), c.js); err != nil {
			t.Errorf("%+v was made: %v", c.place, err)
		}
		if _, err := js.Stream(t.Context(), repository.BucketStream("kept")); err != nil {
			t.Error(err)
		}
	}
	refused := errors.New("no connection")
	p := repository.Place{Data: data, At: "bucket:kept"}
	if _, err := p.Find(t.Context(), func() (jetstream.JetStream, error) { return nil, refused }); !errors.Is(err, refused) {
		t.Error(err)
	}
}
