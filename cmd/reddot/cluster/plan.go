package cluster

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"net"
	"net/url"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats-server/v2/server"
)

const loopback = "127.0.0.1"

// Ports are picked below those that the system gives to connections of its own
// accord, which could take one between its choice and its use.
const (
	firstPort = 12_000
	lastPort  = 19_999
	portTries = 1_000
)

// Limits of each server, in bytes; none is reached.
const (
	maxStore  = 1 << 40
	maxMemory = 1 << 30
)

// Lame-duck mode ends after a second, of which the first part lets clients hear
// of it: the server's own defaults are minutes.
const (
	lameDuckDuration = time.Second
	lameDuckGrace    = 200 * time.Millisecond
)

// Plan says where the servers of a cluster are. It reads and writes as JSON, so
// that it can be handed to another process.
type Plan struct {
	Name    string  `json:"name"` // of the cluster
	Dir     string  `json:"dir"`  // has a folder for each server
	Servers []Ports `json:"servers"`
	Sync    string  `json:"sync,omitempty"` // "always", an interval, or empty: the server's default
}

// Ports are where a server listens.
type Ports struct {
	Client int `json:"client"`
	Route  int `json:"route"`
}

// NewPlan picks free ports for a number of servers, whose files are to be in dir.
// A port may be taken by somebody else before it is listened on: whoever starts the
// servers tries again with another plan then.
func NewPlan(name, dir string, servers int) (Plan, error) {
	p := Plan{Name: name, Dir: dir}
	for range servers {
		client, err := freePort(p.taken())
		if err != nil {
			return p, err
		}
		route, err := freePort(append(p.taken(), client))
		if err != nil {
			return p, err
		}
		p.Servers = append(p.Servers, Ports{client, route})
	}
	return p, nil
}

func (p Plan) taken() (ports []int) {
	for _, s := range p.Servers {
		ports = append(ports, s.Client, s.Route)
	}
	return ports
}

func freePort(taken []int) (int, error) {
	var err error
	for range portTries {
		port := firstPort + rand.IntN(lastPort-firstPort+1)
		if slices.Contains(taken, port) {
			continue
		}
		var l net.Listener
		if l, err = net.Listen("tcp", address(port)); err != nil {
			continue
		}
		if err = l.Close(); err == nil {
			return port, nil
		}
	}
	return 0, fmt.Errorf("find a free port on %s: %w", loopback, err)
}

func address(port int) string { return net.JoinHostPort(loopback, strconv.Itoa(port)) }

// Server is the name of a server; they count from 0.
func (p Plan) Server(i int) string { return fmt.Sprintf("n%d", i+1) }

// URL is where clients reach a server.
func (p Plan) URL(i int) string { return "nats://" + address(p.Servers[i].Client) }

// URLs are those of all servers, with commas.
func (p Plan) URLs() string {
	var urls []string
	for i := range p.Servers {
		urls = append(urls, p.URL(i))
	}
	return strings.Join(urls, ",")
}

// Options are those of a server. It writes no log and hears no signals unless that
// is changed.
func (p Plan) Options(i int) (*server.Options, error) {
	var routes []*url.URL
	for _, s := range p.Servers {
		routes = append(routes, &url.URL{Scheme: "nats", Host: address(s.Route)})
	}
	o := &server.Options{
		ServerName:             p.Server(i),
		Host:                   loopback,
		Port:                   p.Servers[i].Client,
		Cluster:                server.ClusterOpts{Name: p.Name, Host: loopback, Port: p.Servers[i].Route, PoolSize: -1},
		Routes:                 routes,
		JetStream:              true,
		StoreDir:               filepath.Join(p.Dir, p.Server(i)),
		JetStreamMaxStore:      maxStore,
		JetStreamMaxMemory:     maxMemory,
		LameDuckDuration:       lameDuckDuration,
		LameDuckGracePeriod:    lameDuckGrace,
		DisableJetStreamBanner: true,
		NoLog:                  true,
		NoSigs:                 true,
	}
	if p.Sync == "always" {
		o.SyncAlways = true
		return o, nil
	}
	every, err := time.ParseDuration(cmp.Or(p.Sync, "0s"))
	if err != nil {
		return nil, fmt.Errorf("sync interval of cluster %s: %w", p.Name, err)
	}
	o.SyncInterval = every
	return o, nil
}
