//go:build containers

package deploy

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"reddot/projector/testkit"
)

// TestComposition runs what compose.yaml says, each service in a network of its own under its
// own name: reddot as the Dockerfile has it, in a root with nothing but the program, and NATS
// in one, too; Caddy and Prometheus are this machine's. From nothing to a badge by the lines in
// the head of the file; then any one of the others is killed, and the badge goes on.
//
// It needs to be root, and ip, caddy and prometheus; see .ci/deploy.
func TestComposition(t *testing.T) {
	h := newHost(t)
	for _, name := range slices.Sorted(maps.Keys(h.compose.Services)) {
		if name != "grafana" {
			h.start(name)
		}
	}
	h.healthy("reddot1")
	h.healthy("reddot2")
	lines := h.headLines()
	if len(lines) != 2 {
		t.Fatalf("the head of the file has the lines %q", lines)
	}
	h.prints(lines[0], `{"results":[{"seq":1}],"last_seq":1}`)
	h.prints(lines[1], `"totals":{"unread":1,`)
	for i, lost := range []string{"reddot1", "n1", "prometheus"} {
		h.end(lost)
		h.prints(strings.Replace(lines[0], `"m1"`, fmt.Sprintf(`"m%d"`, i+2), 1), `"last_seq":`)
		h.prints(lines[1], fmt.Sprintf(`"totals":{"unread":%d,`, i+2))
		if h.start(lost); lost == "reddot1" {
			h.healthy(lost)
		}
	}
	testkit.Eventually(t, "Prometheus scrapes both", func() bool {
		var reply struct{ Data struct{ Result []any } }
		out, err := h.within("prometheus", "curl", "-sS", "127.0.0.1:9090/api/v1/query", "--data-urlencode", `query=up{job="reddot"} == 1`)
		return err == nil && json.Unmarshal(out, &reply) == nil && len(reply.Data.Result) == 2
	})
	out := testkit.Must(h.within("prometheus", "curl", "-sS", "127.0.0.1:9090/api/v1/rules"))(t)
	if !strings.Contains(string(out), "ReddotNotReady") {
		t.Errorf("Prometheus has no alerts: %s", out)
	}
}

// host is a machine on which the services run.
type host struct {
	t       *testing.T
	dir     string
	compose *composition
	image   imageFile
	reddot  string // the program, as the Dockerfile builds it
	nats    string
	ended   map[string]func()
}

func newHost(t *testing.T) *host {
	h := &host{t: t, dir: t.TempDir(), compose: theComposition(t), image: theImage(t), ended: map[string]func(){}}
	testkit.OK(t, os.Chmod(h.dir, 0o755), os.Chmod(filepath.Dir(h.dir), 0o755))
	h.reddot, h.nats = filepath.Join(h.dir, "bin", "reddot"), filepath.Join(h.dir, "bin", "nats-server")
	testkit.OK(t, os.Mkdir(filepath.Dir(h.reddot), 0o755))
	line, _, _ := strings.Cut(h.image.build, " && ") // && mkdir /data
	h.sh("cd ../../.. && " + strings.Replace(line, " -o /reddot ", " -o "+h.reddot+" ", 1))
	h.sh("CGO_ENABLED=0 go build -o " + h.nats + " github.com/nats-io/nats-server/v2")
	_, err := Write(filepath.Join(h.dir, "files"), ".")
	testkit.OK(t, err)

	bridge := h.net("")
	t.Cleanup(func() { exec.Command("ip", "link", "delete", bridge).Run() }) // the names may not be there
	h.sh("ip link add " + bridge + " type bridge && ip link set " + bridge + " up")
	hosts := "127.0.0.1 localhost\n"
	for i, name := range slices.Sorted(maps.Keys(h.compose.Services)) {
		hosts += fmt.Sprintf("%s %s\n", address(i), name)
	}
	testkit.OK(t, os.WriteFile(filepath.Join(h.dir, "hosts"), []byte(hosts), 0o644))
	for i, name := range slices.Sorted(maps.Keys(h.compose.Services)) {
		space, end := h.net(name), fmt.Sprintf("rd%dc%d", os.Getpid()%10000, i)
		etc := filepath.Join("/etc/netns", space) // "ip netns exec" puts it in the place of /etc
		t.Cleanup(func() { exec.Command("ip", "netns", "delete", space).Run(); os.RemoveAll(etc) })
		h.sh(fmt.Sprintf("ip netns add %[1]s && ip -n %[1]s link set lo up && ip link add %[2]s type veth peer name eth0 netns %[1]s && "+
			"ip link set %[2]s master %[3]s up && ip -n %[1]s addr add %[4]s/24 dev eth0 && ip -n %[1]s link set eth0 up", space, end, bridge, address(i)))
		testkit.OK(t, os.MkdirAll(etc, 0o755), os.WriteFile(filepath.Join(etc, "hosts"), []byte(hosts), 0o644))
	}
	return h
}

// address is that of a service, in a network for examples.
func address(i int) string { return fmt.Sprintf("192.0.2.%d", i+1) }

// net is the name of the network of a service, or of what joins them all.
func (h *host) net(service string) string { return fmt.Sprintf("rd%d%s", os.Getpid()%10000, service) }

func (h *host) sh(line string) {
	h.t.Helper()
	if out, err := exec.Command("sh", "-ec", line).CombinedOutput(); err != nil {
		h.t.Fatalf("%s: %v\n%s", line, err, out)
	}
}

// within runs a command in the network of a service.
func (h *host) within(service string, command ...string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(h.t.Context(), time.Minute)
	defer cancel()
	return exec.CommandContext(ctx, "ip", append([]string{"netns", "exec", h.net(service)}, command...)...).Output()
}

// start starts a service, on the volumes that it had.
func (h *host) start(name string) {
	h.t.Helper()
	s := h.compose.Services[name]
	root := filepath.Join(h.dir, name)
	put := func(at, from string) { // a file
		h.t.Helper()
		to := filepath.Join(root, at)
		testkit.OK(h.t, os.MkdirAll(filepath.Dir(to), 0o755))
		content := testkit.Must(os.ReadFile(from))(h.t)
		testkit.OK(h.t, os.RemoveAll(to), os.WriteFile(to, content, 0o755))
	}
	put("/etc/hosts", filepath.Join(h.dir, "hosts"))
	for _, c := range s.Configs {
		from := filepath.Join(h.t.TempDir(), c.Source)
		testkit.OK(h.t, os.WriteFile(from, []byte(h.compose.Configs[c.Source].Content), 0o644))
		put(c.Target, from)
	}
	for _, volume := range s.Volumes {
		parts := strings.Split(volume, ":")
		if file, ok := strings.CutPrefix(parts[0], "./"); ok {
			put(parts[1], filepath.Join(h.dir, "files", file))
		} else {
			testkit.OK(h.t, os.MkdirAll(filepath.Join(root, parts[1]), 0o755))
		}
	}
	var command []string
	env := []string{"PATH=" + os.Getenv("PATH"), "HOME=" + root}
	image, _, _ := strings.Cut(s.Image, ":")
	switch image {
	case "": // built here
		put(h.image.entrypoint[0], h.reddot)
		user := strings.Split(h.image.user, ":")
		h.sh("chown -R " + h.image.user + " " + filepath.Join(root, h.image.env["REDDOT_DATA"]))
		command = slices.Concat([]string{"chroot", "--userspec=" + strings.Join(user, ":"), root}, h.image.entrypoint, h.image.command)
		for name, value := range h.image.env {
			env = append(env, name+"="+value)
		}
	case "nats":
		put("/nats-server", h.nats)
		command = append([]string{"chroot", root, "/nats-server"}, s.Command...)
	case "caddy":
		command = slices.Clone(s.Command)
		command[len(command)-1] = filepath.Join(root, command[len(command)-1])
	case "prom/prometheus":
		command = []string{"prometheus", "--config.file=" + filepath.Join(root, "/etc/prometheus/prometheus.yml"), "--storage.tsdb.path=" + filepath.Join(root, "/prometheus")}
	default:
		h.t.Fatalf("%s is of image %s", name, s.Image)
	}
	for name, value := range s.Environment {
		env = append(env, name+"="+value)
	}
	h.run(name, env, command)
}

// run runs a service until the end of the test, or until it is ended.
func (h *host) run(name string, env, command []string) {
	h.t.Helper()
	log := testkit.Must(os.CreateTemp(h.dir, name+"-*.log"))(h.t)
	cmd := exec.Command("ip", append([]string{"netns", "exec", h.net(name)}, command...)...)
	cmd.Env, cmd.Stdout, cmd.Stderr = env, log, log
	testkit.OK(h.t, cmd.Start())
	over := false
	h.ended[name] = func() {
		if !over {
			over = true
			cmd.Process.Kill() // ip has become the command
			cmd.Wait()
		}
	}
	h.t.Cleanup(func() {
		h.ended[name]()
		if _, err := log.Seek(0, io.SeekStart); err == nil && h.t.Failed() {
			said, _ := io.ReadAll(log)
			h.t.Logf("%s:\n%s", name, said)
		}
		log.Close()
	})
}

// end kills a service.
func (h *host) end(name string) { h.ended[name]() }

// healthy waits until a reddot's health check says that it is.
func (h *host) healthy(name string) {
	h.t.Helper()
	root := filepath.Join(h.dir, name)
	check := slices.Concat([]string{"env", "REDDOT_HTTP=" + h.image.env["REDDOT_HTTP"], "chroot", "--userspec=" + h.image.user, root}, h.image.health)
	testkit.Eventually(h.t, name+" is healthy", func() bool {
		_, err := h.within(name, check...)
		return err == nil
	})
}

// headLines are the curl lines of the head of the file.
func (h *host) headLines() (lines []string) {
	for line := range strings.Lines(string(testkit.Must(Read("compose.yaml"))(h.t))) {
		if at := strings.Index(line, "curl "); at > 0 && line[0] == '#' {
			lines = append(lines, strings.TrimSpace(line[at:]))
		}
	}
	return lines
}

// prints runs a line in Caddy's network, whose port is where the file publishes it, until it
// prints what it has to: whoever is lost may have been asked.
func (h *host) prints(line, want string) {
	h.t.Helper()
	var out []byte
	defer func() {
		if h.t.Failed() {
			h.t.Logf("%s\nprints\n%s", line, out)
		}
	}()
	testkit.Eventually(h.t, line+" prints "+want, func() bool {
		out, _ = h.within("caddy", "sh", "-c", line)
		return strings.Contains(string(out), want)
	})
}
