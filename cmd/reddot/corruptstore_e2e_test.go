package main_test

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"reddot/projector/testkit"
)

// testCorruptStore flips one bit in a file of the store while the server is
// down. It is never believed: it is found when the store is opened, when the
// row is asked for, or when a snapshot is taken; then the store is built anew,
// and the log says so. Only a bit that says nothing may stay.
func testCorruptStore(t *testing.T, s *specimen) {
	p := s.program
	for _, kind := range []string{"*.sst", "*.sst", "*.sst", "*.sst", "MANIFEST-*", "MANIFEST-*", "OPTIONS-*", "*"} {
		t.Run(kind, func(t *testing.T) {
			dir := s.copy(t)
			file := s.pick(t, filepath.Join(dir, "store", "0*", kind))
			s.flipAny(t, file)
			c := p.serve(t, dir)
			s.answersRight(t, c)
			taken := p.run(t, nil, "snapshot", "create", "--server", c.nats)
			found := strings.Contains(c.stderr.String(), "damaged")
			if taken.code != 0 {
				found = true
				taken.failedAtEnd(t, "damaged")
				testkit.Eventually(t, "a snapshot of the new store", func() bool {
					return p.run(t, nil, "snapshot", "create", "--server", c.nats).code == 0
				})
			}
			t.Logf("found: %v", found)
			// One that was out of use already is removed, not read.
			if _, err := os.Stat(file); err == nil && kind == "*.sst" && !found {
				t.Errorf("nobody has found the damage")
			}
			if says := c.stderr.String(); found && !strings.Contains(says, "built anew") {
				t.Errorf("the log does not say that the store is built anew: %s", says)
			}
			s.answersRight(t, c)
			p.run(t, nil, "verify", "--server", c.nats, "--data", dir).done(t)
			p.run(t, nil, "snapshot", "verify", "--data", dir).done(t)
		})
	}
}

// testCorruptSnapshots flips one bit in a snapshot's manifest or in one of its
// pieces. It is named by whoever verifies or restores it, and another one is
// restored, or the log folded: no store comes of it.
func testCorruptSnapshots(t *testing.T, s *specimen) {
	p := s.program
	for _, folder := range []string{"pieces", "pieces", "pieces", "manifests"} {
		t.Run(folder, func(t *testing.T) {
			dir := s.copy(t, "store")
			file := s.pick(t, filepath.Join(dir, "snapshots", folder, "*"))
			s.flipAny(t, file)
			verified := p.run(t, nil, "snapshot", "verify", "--data", dir)
			verified.failedAtEnd(t, "not sound")
			if !strings.Contains(verified.stdout, filepath.Base(file)) {
				t.Errorf("verify does not name %s: %s", file, verified.stdout)
			}
			c := p.serve(t, dir)
			s.answersRight(t, c)
			c.terminate(t)
		})
	}
	t.Run("all of them", func(t *testing.T) {
		dir := s.copy(t, "store")
		manifests, err := filepath.Glob(filepath.Join(dir, "snapshots", "manifests", "*"))
		if err != nil || len(manifests) < 2 {
			t.Fatalf("%v, %v", manifests, err)
		}
		for _, file := range manifests {
			s.flipAny(t, file)
		}
		p.run(t, nil, "snapshot", "verify", "--data", dir).failedAtEnd(t, fmt.Sprintf("%d snapshots of %[1]d not sound", len(manifests)))
		p.run(t, nil, "snapshot", "restore", "--data", dir).failedAtEnd(t, "damaged")
		s.answersRight(t, p.serve(t, dir))
	})
}

// pick draws a file that is not empty.
func (s *specimen) pick(t *testing.T, pattern string) string {
	t.Helper()
	names, err := filepath.Glob(pattern)
	if err != nil {
		t.Fatal(err)
	}
	var files []string
	for _, name := range names {
		if info, err := os.Stat(name); err == nil && info.Mode()&fs.ModeType == 0 && info.Size() > 0 {
			files = append(files, name)
		}
	}
	if len(files) == 0 {
		t.Fatalf("there are no files %s", pattern)
	}
	return files[s.rng.IntN(len(files))]
}
