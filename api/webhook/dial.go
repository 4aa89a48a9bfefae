package webhook

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"syscall"
	"time"
)

// dialTimeout bounds how long one address is tried.
const dialTimeout = 10 * time.Second

// errAddress is why an address is not connected to.
var errAddress = errors.New("nothing is sent to this address: it is link-local, or one that machines are told their credentials at")

// metadata are addresses beside the link-local ones where clouds tell a machine who it is
// and what it may do. A name in the file, or who answers for that name, must not make
// reddot talk to them.
var metadata = []netip.Prefix{
	netip.MustParsePrefix("100.100.100.200/32"), // Alibaba Cloud
	netip.MustParsePrefix("168.63.129.16/32"),   // Azure
	netip.MustParsePrefix("192.0.0.192/32"),     // Oracle Cloud
	netip.MustParsePrefix("fd00:ec2::/32"),      // AWS
	netip.MustParsePrefix("fd20:ce::254/128"),   // Google Cloud
}

// Prefixes of IPv6 addresses that hold an IPv4 address, and from which byte on.
var embedding = []struct {
	in netip.Prefix
	at int
}{
	{netip.MustParsePrefix("::/96"), 12},        // IPv4-compatible
	{netip.MustParsePrefix("64:ff9b::/96"), 12}, // NAT64
	{netip.MustParsePrefix("64:ff9b:1::/48"), 12},
	{netip.MustParsePrefix("2002::/16"), 2}, // 6to4
}

// dialer connects to what a name resolves to, if it may: what is checked is the address
// that is connected to, whatever the name resolved to before.
func dialer() *net.Dialer {
	return &net.Dialer{Timeout: dialTimeout, KeepAlive: 30 * time.Second, Control: func(_, address string, _ syscall.RawConn) error {
		at, err := netip.ParseAddrPort(address)
		if err != nil {
			return fmt.Errorf("address %q: %w", address, err)
		}
		return checkAddress(at.Addr())
	}}
}

// checkAddress reports why an address is not connected to. Private ones are: that is
// where back ends live.
func checkAddress(a netip.Addr) error {
	a = a.Unmap().WithZone("")
	if refused(a) {
		return fmt.Errorf("%v: %w", a, errAddress)
	}
	for _, e := range embedding {
		if e.in.Contains(a) {
			bytes := a.As16()
			if inner := netip.AddrFrom4([4]byte(bytes[e.at : e.at+4])); !a.IsLoopback() && refused(inner) {
				return fmt.Errorf("%v: %w", a, errAddress)
			}
		}
	}
	return nil
}

func refused(a netip.Addr) bool {
	if a.IsLinkLocalUnicast() || a.IsMulticast() || a.IsUnspecified() {
		return true
	}
	if a.Is4() && (a == netip.AddrFrom4([4]byte{255, 255, 255, 255}) || a.As4()[0] == 0) {
		return true
	}
	for _, p := range metadata {
		if p.Contains(a) {
			return true
		}
	}
	return false
}
