package deploy

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"reddot/projector/testkit"
)

// object is a map of a YAML file.
type object map[string]any

// decoded are the documents of a YAML file. That a key stands twice is an error.
func decoded[T any](t *testing.T, name string) (all []T) {
	t.Helper()
	d := yaml.NewDecoder(bytes.NewReader(testkit.Must(Read(name))(t)))
	for {
		var doc T
		err := d.Decode(&doc)
		if errors.Is(err, io.EOF) {
			return all
		}
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		all = append(all, doc)
	}
}

// TestYAML: every YAML file is one, and says in its head what has checked it.
func TestYAML(t *testing.T) {
	testkit.OK(t, fs.WalkDir(files(), ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		if path.Ext(name) == ".yaml" && len(decoded[object](t, name)) != 1 {
			t.Errorf("%s is not one document", name)
		}
		head := string(testkit.Must(Read(name))(t))
		if said := strings.Contains(head, "Checked ") || name == "alerts_test.yaml"; !said {
			t.Errorf("%s does not say what has checked it", name)
		}
		return nil
	}))
}

// fields are the values at a path of keys, in every entry of the lists on the way.
func fields(v any, keys string) (all []any) {
	key, rest, more := strings.Cut(keys, ".")
	switch v := v.(type) {
	case object:
		if of, ok := v[key]; ok && more {
			return fields(of, rest)
		} else if ok {
			return []any{of}
		}
	case []any:
		for _, entry := range v {
			all = append(all, fields(entry, keys)...)
		}
	}
	return all
}

// manifests are the Kubernetes objects by their kind.
func manifests(t *testing.T) map[string]object {
	t.Helper()
	all := map[string]object{}
	for _, entry := range testkit.Must(fs.ReadDir(files(), "kubernetes"))(t) {
		for _, m := range decoded[object](t, "kubernetes/"+entry.Name()) {
			all[fmt.Sprint(m["kind"])] = m
		}
	}
	return all
}

// TestKubernetes: the base has all of its files, and what they say of each other and of the
// image is so.
func TestKubernetes(t *testing.T) {
	all := manifests(t)
	var named []string
	for _, resource := range all["Kustomization"]["resources"].([]any) {
		named = append(named, fmt.Sprint(resource))
	}
	for _, entry := range testkit.Must(fs.ReadDir(files(), "kubernetes"))(t) {
		if entry.Name() != "kustomization.yaml" && !slices.Contains(named, entry.Name()) {
			t.Errorf("%s is no resource of the base", entry.Name())
		}
	}
	if len(named) != len(all)-1 {
		t.Errorf("the base names %q and has %d objects", named, len(all)-1)
	}

	set, service := all["StatefulSet"], all["Service"]
	labels := fields(set, "spec.template.metadata.labels")
	for kind, at := range map[string]string{
		"StatefulSet": "spec.selector.matchLabels", "Service": "spec.selector", "PodDisruptionBudget": "spec.selector.matchLabels",
		"NetworkPolicy": "spec.podSelector.matchLabels", "ServiceMonitor": "spec.selector.matchLabels",
	} {
		if got := fields(all[kind], at); fmt.Sprint(got) != fmt.Sprint(labels) || len(got) != 1 {
			t.Errorf("%s selects %v, the pods are %v", kind, got, labels)
		}
	}
	if got := fields(service, "metadata.labels"); fmt.Sprint(got) != fmt.Sprint(labels) {
		t.Errorf("the monitor looks for %v, the service is %v", labels, got)
	}
	if got := fields(set, "spec.serviceName"); fmt.Sprint(got) != fmt.Sprint(fields(service, "metadata.name")) {
		t.Errorf("the pods' names are of a service %v", got)
	}

	ports := fields(set, "spec.template.spec.containers.ports.name")
	for what, used := range map[string][]any{
		"service": fields(service, "spec.ports.targetPort"), "policy": fields(all["NetworkPolicy"], "spec.ingress.ports.port"),
		"liveness": fields(set, "spec.template.spec.containers.livenessProbe.httpGet.port"), "readiness": fields(set, "spec.template.spec.containers.readinessProbe.httpGet.port"),
	} {
		for _, port := range used {
			if !slices.Contains(ports, port) {
				t.Errorf("%s: the container has no port %v", what, port)
			}
		}
		if len(used) == 0 {
			t.Errorf("%s: no port", what)
		}
	}
	for _, port := range fields(all["ServiceMonitor"], "spec.endpoints.port") {
		if !slices.Contains(fields(service, "spec.ports.name"), port) {
			t.Errorf("the service has no port %v", port)
		}
	}

	volumes := append(fields(set, "spec.template.spec.volumes.name"), fields(set, "spec.volumeClaimTemplates.metadata.name")...)
	mounted := fields(set, "spec.template.spec.containers.volumeMounts.name")
	for _, volume := range volumes {
		if !slices.Contains(mounted, volume) {
			t.Errorf("volume %v is mounted nowhere", volume)
		}
	}
	if len(mounted) != len(volumes) {
		t.Errorf("mounted are %v, volumes %v", mounted, volumes)
	}
	image := theImage(t)
	if paths := fields(set, "spec.template.spec.containers.volumeMounts.mountPath"); !slices.Contains(paths, any(image.env["REDDOT_DATA"])) {
		t.Errorf("mounted are %v, the image's data is in %s", paths, image.env["REDDOT_DATA"])
	}
	for _, id := range []string{"runAsUser", "runAsGroup", "fsGroup"} {
		if got := fmt.Sprint(fields(set, "spec.template.spec.securityContext."+id)...); !strings.Contains(image.user, got) {
			t.Errorf("%s is %s, the image's user %s", id, got, image.user)
		}
	}
}

// imageFile is what the Dockerfile says.
type imageFile struct {
	build               string // the line that makes the program
	user                string
	env                 map[string]string
	entrypoint, command []string
	health              []string
}

func theImage(t *testing.T) (f imageFile) {
	t.Helper()
	text := string(testkit.Must(Read("Dockerfile"))(t))
	one := func(pattern string) string {
		found := regexp.MustCompile("(?m)^"+pattern+"$").FindAllStringSubmatch(text, -1)
		if len(found) != 1 {
			t.Fatalf("the Dockerfile has %q for %s", found, pattern)
		}
		return found[0][1]
	}
	words := func(list string) (all []string) {
		testkit.OK(t, yaml.Unmarshal([]byte(list), &all))
		return all
	}
	f.build, f.user = one(`RUN (.* go build .*)`), one(`USER (.*)`)
	f.entrypoint, f.command, f.health = words(one(`ENTRYPOINT (.*)`)), words(one(`CMD (.*)`)), words(one(`HEALTHCHECK .*CMD (.*)`))
	f.env = map[string]string{}
	for setting := range strings.FieldsSeq(one(`ENV (.*)`)) {
		name, value, _ := strings.Cut(setting, "=")
		f.env[name] = value
	}
	return f
}

// composition is what compose.yaml says.
type composition struct {
	Services map[string]*composed
	Configs  map[string]struct{ Content string }
	Volumes  map[string]any
}

type composed struct {
	Image       string
	Build       struct{ Context, Dockerfile string }
	Command     []string
	Environment map[string]string
	Configs     []struct{ Source, Target string }
	Volumes     []string
	Ports       []string
	DependsOn   []string `yaml:"depends_on"`
}

func theComposition(t *testing.T) *composition {
	t.Helper()
	return decoded[*composition](t, "compose.yaml")[0]
}

// TestCompose: what the services name is there: volumes, files, other services and their ports.
func TestCompose(t *testing.T) {
	c := theComposition(t)
	for name, s := range c.Services {
		for _, other := range s.DependsOn {
			if c.Services[other] == nil {
				t.Errorf("%s depends on %s", name, other)
			}
		}
		for _, config := range s.Configs {
			if c.Configs[config.Source].Content == "" {
				t.Errorf("%s has a config %s", name, config.Source)
			}
		}
		for _, volume := range s.Volumes {
			from, _, _ := strings.Cut(volume, ":")
			file, isFile := strings.CutPrefix(from, "./")
			if _, ok := c.Volumes[from]; !ok && !isFile {
				t.Errorf("%s has a volume %s", name, from)
			}
			if _, err := Read(file); isFile && err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
		if (s.Image == "") == (s.Build.Dockerfile == "") {
			t.Errorf("%s is of image %q and built by %q", name, s.Image, s.Build.Dockerfile)
		}
	}
	_, port, _ := strings.Cut(theImage(t).env["REDDOT_HTTP"], ":")
	text := string(testkit.Must(Read("compose.yaml"))(t))
	addresses := regexp.MustCompile(`\b(n\d|reddot\d|prometheus):(\d+)`).FindAllStringSubmatch(text, -1)
	for _, at := range addresses {
		want := map[byte]string{'r': port, 'p': "9090", 'n': "4222"}[at[1][0]]
		if routes := strings.Contains(c.Configs["nats"].Content, "nats://"+at[0]); routes {
			want = "6222"
		}
		if c.Services[at[1]] == nil || at[2] != want {
			t.Errorf("%s: no service listens there", at[0])
		}
	}
	if len(addresses) < 9 {
		t.Errorf("addresses are only %q", addresses)
	}
}
