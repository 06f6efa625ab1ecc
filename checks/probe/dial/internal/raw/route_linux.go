package raw

import (
	"encoding/binary"
	"fmt"
	"maps"
	"net"
	"net/netip"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

const (
	routeAge     = 5 * time.Second // how long a route is believed
	neighbourAge = time.Second     // how long a neighbour's hardware address is believed
	maxRoutes    = 1 << 14         // routes remembered
)

// Path is how packets get from this machine to some addresses.
type Path struct {
	Template *Template
	Local    netip.Addr
	six      bool
	link     netlink.LinkAttrs
	gateway  net.IP // nil: the link has no addresses
	plain    bool   // through the kernel's own IP, always
	wire     *Link  // nil: the neighbour is not known at this moment
	way      Way
	checked  time.Time
	kick     bool // the next packet goes through the kernel, so that it makes sure of the neighbour
}

// Router finds paths by the kernel's own tables, and remembers them for a moment by /24 and /64.
type Router struct {
	h      *netlink.Handle
	near   [2]map[uint64]*route  // by neighbourhood, of IPv4 and IPv6
	single map[netip.Addr]*route // of addresses in neighbourhoods within which routes differ
	paths  map[pathKey]*Path
	links  map[int]*device
}

// device is an interface, as it was at a moment.
type device struct {
	netlink.LinkAttrs
	shaped bool
	at     time.Time
}

type route struct {
	path *Path
	err  error
	at   time.Time
	fine bool // routes differ within this neighbourhood: this one says nothing
}

type pathKey struct {
	link    int
	gateway string
	local   netip.Addr
	plain   bool
}

// NewRouter opens the kernel's tables.
func NewRouter() (*Router, error) {
	h, err := netlink.NewHandle(unix.NETLINK_ROUTE)
	if err != nil {
		return nil, fmt.Errorf("routing table: %w", err)
	}
	r := &Router{h: h, near: [2]map[uint64]*route{{}, {}}, single: make(map[netip.Addr]*route), paths: make(map[pathKey]*Path),
		links: make(map[int]*device)}
	if err := r.findFine(); err != nil {
		r.Close()
		return nil, err
	}
	return r, nil
}

// Close closes the tables.
func (r *Router) Close() { r.h.Close() }

// findFine notes the neighbourhoods that have a route of their own for a part of them, this machine's own addresses
// included: there each address is asked for by itself. The table is read as it streams in; it may be the whole Internet's.
func (r *Router) findFine() error {
	for family, bits := range map[int]int{netlink.FAMILY_V4: 24, netlink.FAMILY_V6: 64} {
		err := r.h.RouteListFilteredIter(family, &netlink.Route{Table: unix.RT_TABLE_UNSPEC}, netlink.RT_FILTER_TABLE, func(x netlink.Route) bool {
			if x.Dst == nil {
				return true
			}
			if ones, _ := x.Dst.Mask.Size(); ones > bits {
				if a, ok := netip.AddrFromSlice(x.Dst.IP); ok {
					family, key := neighbourhood(a.Unmap())
					r.near[family][key] = &route{fine: true}
				}
			}
			return true
		})
		if err != nil && err != unix.EAFNOSUPPORT {
			return fmt.Errorf("routing table: %w", err)
		}
	}
	return nil
}

// neighbourhood is the /24 or the /64 of an address.
func neighbourhood(a netip.Addr) (family int, key uint64) {
	if a.Is4() {
		b := a.As4()
		return 0, uint64(b[0])<<16 | uint64(b[1])<<8 | uint64(b[2])
	}
	b := a.As16()
	return 1, binary.BigEndian.Uint64(b[:])
}

// Path is the path to an address. Its error is the kernel's, such as EHOSTUNREACH.
func (r *Router) Path(dst netip.Addr, now time.Time) (*Path, error) {
	family, key := neighbourhood(dst)
	at := r.near[family][key]
	if at != nil && at.fine {
		return r.one(dst, now)
	}
	if at == nil || now.Sub(at.at) > routeAge {
		if len(r.near[family]) >= maxRoutes {
			maps.DeleteFunc(r.near[family], func(_ uint64, x *route) bool { return !x.fine })
		}
		at = &route{at: now}
		at.path, at.err = r.lookUp(dst, now)
		r.near[family][key] = at
	}
	return at.path, at.err
}

// one is Path for an address that has neighbours with other routes.
func (r *Router) one(dst netip.Addr, now time.Time) (*Path, error) {
	at := r.single[dst]
	if at == nil || now.Sub(at.at) > routeAge {
		if len(r.single) >= maxRoutes {
			clear(r.single)
		}
		at = &route{at: now}
		at.path, at.err = r.lookUp(dst, now)
		r.single[dst] = at
	}
	return at.path, at.err
}

// Forget drops what is remembered: an interface went away.
func (r *Router) Forget() {
	for _, near := range r.near {
		maps.DeleteFunc(near, func(_ uint64, x *route) bool { return !x.fine })
	}
	clear(r.single)
	clear(r.paths)
	clear(r.links)
}

func (r *Router) lookUp(dst netip.Addr, now time.Time) (*Path, error) {
	found, err := r.h.RouteGet(dst.AsSlice())
	if err != nil {
		return nil, err
	}
	if len(found) == 0 {
		return nil, unix.ENETUNREACH
	}
	x := found[0]
	local, ok := netip.AddrFromSlice(x.Src)
	if local = local.Unmap(); !ok || local.Is4() != dst.Is4() {
		return nil, unix.EADDRNOTAVAIL
	}
	key := pathKey{link: x.LinkIndex, local: local, gateway: string(x.Gw)}
	link, err := r.device(x.LinkIndex, now)
	if err != nil {
		return nil, err
	}
	// This machine's own addresses, tunnels by route, and neighbours on the link itself are the kernel's business: it
	// resolves each one.
	plain := x.Type != unix.RTN_UNICAST || link.Flags&net.FlagLoopback != 0 || x.Encap != nil || x.Via != nil || x.MPLSDst != nil
	gateway := x.Gw
	switch {
	case link.EncapType == "ether":
		plain = plain || gateway == nil
	case link.EncapType == "none", link.EncapType == "rawip": // tun, WireGuard, cellular modems: no link header
		gateway = nil
	default:
		plain = true
	}
	if key.plain = plain; plain {
		key.gateway = ""
	}
	if p := r.paths[key]; p != nil {
		return p, nil
	}
	p := &Path{Template: NewTemplate(local), Local: local, six: dst.Is6(), link: link.LinkAttrs, gateway: gateway, plain: plain}
	r.paths[key] = p
	if !plain {
		p.way = Direct
		if link.shaped {
			p.way = Queued
		}
	}
	return p, nil
}

// device reads an interface.
func (r *Router) device(index int, now time.Time) (*device, error) {
	if d := r.links[index]; d != nil && now.Sub(d.at) <= routeAge {
		return d, nil
	}
	link, err := r.h.LinkByIndex(index)
	if err != nil {
		return nil, unix.ENODEV
	}
	r.links[index] = &device{*link.Attrs(), r.shaped(link), now}
	return r.links[index], nil
}

// unshaped are the queueing disciplines that Linux sets up by itself. Any other was put there by an administrator: to
// shape, to filter, to lose.
var unshaped = map[string]bool{"noqueue": true, "pfifo_fast": true, "fq_codel": true, "fq": true, "mq": true, "pfifo": true}

func (r *Router) shaped(link netlink.Link) bool {
	list, err := r.h.QdiscList(link)
	if err != nil {
		return true
	}
	for _, q := range list {
		if !unshaped[q.Type()] {
			return true
		}
	}
	return false
}

// By is the way that the next packet on a path goes, and the link for those ways that need one. A neighbour whose hardware
// address the kernel does not know, or has not heard from of late, is the kernel's to find: a packet goes through its own
// IP, once a second, and no other kind of packet need be sent.
func (r *Router) By(p *Path, now time.Time) (Way, *Link) {
	kernel := IP4
	if p.six {
		kernel = IP6
	}
	if p.plain {
		return kernel, nil
	}
	age := neighbourAge
	if p.wire == nil {
		age /= 20
	}
	if now.Sub(p.checked) > age {
		r.check(p, now)
	}
	if p.wire == nil || p.kick {
		p.kick = false
		return kernel, nil
	}
	return p.way, p.wire
}

// check reads the neighbour's hardware address.
func (r *Router) check(p *Path, now time.Time) {
	p.checked = now
	if p.gateway == nil {
		if p.wire == nil {
			p.wire = NewLink(p.link.Index, p.six, nil)
		}
		return
	}
	p.wire, p.kick = nil, false
	family := netlink.FAMILY_V4
	if p.gateway.To4() == nil {
		family = netlink.FAMILY_V6
	}
	list, err := r.h.NeighList(p.link.Index, family)
	if err != nil {
		return
	}
	const usable = netlink.NUD_PERMANENT | netlink.NUD_NOARP | netlink.NUD_REACHABLE | netlink.NUD_STALE | netlink.NUD_DELAY | netlink.NUD_PROBE
	for _, n := range list {
		if n.IP.Equal(p.gateway) && n.State&usable != 0 && len(n.HardwareAddr) == 6 {
			p.wire = NewLink(p.link.Index, p.six, n.HardwareAddr)
			p.kick = n.State&netlink.NUD_STALE != 0
			return
		}
	}
}

// Leaves tells whether packets to an address leave this machine.
func (r *Router) Leaves(addr netip.Addr) (bool, error) {
	found, err := r.h.RouteGet(addr.AsSlice())
	if err != nil || len(found) == 0 {
		return false, err
	}
	link, err := r.h.LinkByIndex(found[0].LinkIndex)
	if err != nil {
		return false, err
	}
	return found[0].Type == unix.RTN_UNICAST && link.Attrs().Flags&net.FlagLoopback == 0, nil
}
