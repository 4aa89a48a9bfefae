package snapshot

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"reddot/events"
	"reddot/projector/testkit"
	"reddot/snapshot/storage"
)

// goldenDir holds what version 1 stores. It must be readable for ever.
const goldenDir = "../testdata/golden/snapshot/v1"

func goldenSum(b byte) (s SHA256) {
	for i := range s {
		s[i] = b
	}
	return s
}

func goldenManifest() *Manifest {
	at := time.Date(2024, 2, 29, 12, 30, 45, 678900000, time.UTC)
	return &Manifest{
		Format: 1, Stream: events.StreamID{Name: "UNREAD_COMMANDS", Created: time.Unix(1700000000, 5).UTC()},
		Seq: 1<<63 + 1, LogTime: at, Digest: 0x00ff_1234_5678_9abc, StoreFormat: 3, Taken: at.Add(time.Second),
		Program: "reddot v1.2.3", PieceSize: 4 << 20, Pieces: 3, Bytes: 4<<20 + 12,
		Files: []File{
			{Name: "000007.sst", Size: 4<<20 + 1, SHA256: goldenSum(1), Pieces: []SHA256{goldenSum(2), goldenSum(3)}},
			{Name: "MANIFEST-000001", Size: 11, SHA256: goldenSum(0xfe), Pieces: []SHA256{goldenSum(0xfe)}},
			{Name: "marker.manifest.000001.MANIFEST-000001", SHA256: goldenSum(9), Pieces: []SHA256{}},
		},
	}
}

// TestGolden writes and reads the stored forms of version 1.
func TestGolden(t *testing.T) {
	m := goldenManifest()
	stored, err := m.encode()
	if err != nil {
		t.Fatal(err)
	}
	got, err := decodeManifest(m.ID(), []byte(testkit.Golden(t, goldenDir+"/manifest", string(stored))))
	if diff := cmp.Diff(m, got); diff != "" || err != nil {
		t.Errorf("%v%s", err, diff)
	}
	if id := "09223372036854775809-bec3c0123d3bbbd3"; m.ID() != id {
		t.Errorf("the snapshot is named %s, not %s", m.ID(), id)
	}
	p := pin{1, pinRead, "host:/var/lib/reddot", []string{m.ID()}, time.Unix(1700000000, 9).UTC()}
	if stored, err = seal(p); err != nil {
		t.Fatal(err)
	}
	var gotPin pin
	err = unseal([]byte(testkit.Golden(t, goldenDir+"/pin", string(stored))), pinFormat, &gotPin)
	if diff := cmp.Diff(p, gotPin); diff != "" || err != nil {
		t.Errorf("%v%s", err, diff)
	}
}

// TestNewerFormat refuses what a newer program has written, and says so; what
// has no format of ours is corrupt.
func TestNewerFormat(t *testing.T) {
	for format, want := range map[int]error{2: ErrNewer, 1000: ErrNewer, 0: ErrCorrupt, -1: ErrCorrupt} {
		data, err := seal(map[string]any{"format": format, "files": "in another way"})
		if err != nil {
			t.Fatal(err)
		}
		_, err = decodeManifest("x", data)
		if !errors.Is(err, want) || want == ErrNewer && !strings.Contains(err.Error(), "newer reddot") {
			t.Errorf("format %d: %v", format, err)
		}
	}
}

// TestHostileManifest refuses manifests with a right sum that would lead out of
// the folder or make reading go wrong.
func TestHostileManifest(t *testing.T) {
	for name, change := range map[string]func(*Manifest){
		"path":       func(m *Manifest) { m.Files[0].Name = "../000007.sst" },
		"folder":     func(m *Manifest) { m.Files[0].Name = "a/b" },
		"dots":       func(m *Manifest) { m.Files[0].Name = ".." },
		"no name":    func(m *Manifest) { m.Files[0].Name = "" },
		"twice":      func(m *Manifest) { m.Files[1].Name = m.Files[0].Name },
		"order":      func(m *Manifest) { m.Files[0], m.Files[1] = m.Files[1], m.Files[0] },
		"pieces":     func(m *Manifest) { m.Files[0].Pieces = m.Files[0].Pieces[:1] },
		"size":       func(m *Manifest) { m.Files[1].Size++ },
		"overflow":   func(m *Manifest) { m.Files[1].Size = 1<<64 - 1 },
		"bytes":      func(m *Manifest) { m.Bytes++ },
		"total":      func(m *Manifest) { m.Pieces++ },
		"no pieces":  func(m *Manifest) { m.PieceSize = 0 },
		"large":      func(m *Manifest) { m.PieceSize = storage.MaxBlob + 1 },
		"other seq":  func(m *Manifest) { m.Seq++ },
		"other name": func(m *Manifest) { m.Stream.Name = "OTHER" },
	} {
		m := goldenManifest()
		id := m.ID()
		change(m)
		data, err := m.encode()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := decodeManifest(id, data); !errors.Is(err, ErrCorrupt) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// FuzzManifest reads any bytes: an error, or what is written back the same.
func FuzzManifest(f *testing.F) {
	data, err := goldenManifest().encode()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data)
	f.Add([]byte("{}\n"))
	f.Fuzz(func(t *testing.T, body []byte) {
		m := new(Manifest)
		sealed, err := seal(rawJSON(body))
		if err != nil || unseal(sealed, manifestFormat, m) != nil || m.validate() != nil {
			_, _ = decodeManifest("x", body)
			return
		}
		again, err := m.encode()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := decodeManifest(m.ID(), again); err != nil {
			t.Fatal(err)
		}
	})
}

// rawJSON is marshalled as it stands.
type rawJSON []byte

func (r rawJSON) MarshalJSON() ([]byte, error) { return r, nil }
