package disk_test

import (
	"math/rand/v2"
	"testing"

	"reddot/projector/disk"
	"reddot/projector/testkit"
	"reddot/projector/testkit/disktest"
)

// TestCrashAtEveryWrite makes a folder and publishes a file twice, and crashes the
// machine before every write: the file has all bytes of one of the times, of the
// last one that returned at least.
func TestCrashAtEveryWrite(t *testing.T) {
	for _, unsynced := range []int{0, 50, 100} {
		c := disktest.NewCrashes[int](rand.New(rand.NewPCG(testkit.Seed(t), 1)), func(*rand.Rand) int { return unsynced })
		fs := c.Disk()
		testkit.OK(t, disk.MakeDir(fs, "a/b/c"))
		texts := []string{"", "first", "the second one"}
		for i, text := range texts[1:] {
			testkit.OK(t, disk.Publish(fs, "a/b/c", "file", ".unfinished", []byte(text)))
			c.Know(func(n *int) { *n = i + 1 })
		}
		for _, p := range c.Points() {
			b, err := disk.ReadFile(p.Left, "a/b/c/file")
			testkit.OK(t, disk.IgnoreMissing(err))
			found := false
			for _, text := range texts[p.Known:] {
				found = found || string(b) == text && (err == nil || text == "")
			}
			if !found {
				t.Errorf("%s: the file is %q, and %q was published", p.Write, b, texts[p.Known])
			}
		}
	}
}

// TestAgain: a folder that is there, and a file that is not, are no error.
func TestAgain(t *testing.T) {
	fs := disktest.NewCrashes[int](rand.New(rand.NewPCG(1, 1)), func(*rand.Rand) int { return 0 }).Memory()
	for range 2 {
		testkit.OK(t, disk.MakeDir(fs, "/x/y"))
	}
	if names := testkit.Must(fs.List("/x"))(t); len(names) != 1 {
		t.Errorf("there is %q", names)
	}
	if err := disk.IgnoreMissing(fs.Remove("/x/none")); err != nil {
		t.Error(err)
	}
}
