package main

import (
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/vishvananda/netlink"
	vishns "github.com/vishvananda/netns"
	"golang.org/x/sys/unix"

	"github.com/netschouw/netschouw/fixtures/netns"
	"github.com/netschouw/netschouw/report"
	"github.com/netschouw/netschouw/sweep"
)

// needRoot skips where there can be no namespace of one's own.
func needRoot(t *testing.T) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs root to make a namespace")
	}
	runtime.LockOSThread() // and never unlocked: the thread ends with the test
}

// ownNetwork moves the test into a network in which the loopback interface is up, and these prefixes are this machine's.
func ownNetwork(t *testing.T, local ...string) {
	t.Helper()
	needRoot(t)
	ns, err := vishns.New()
	if err != nil {
		t.Skipf("cannot make a network namespace: %v", err)
	}
	t.Cleanup(func() { _ = ns.Close() })
	lo, err := netlink.LinkByName("lo")
	require.NoError(t, err)
	require.NoError(t, netlink.LinkSetUp(lo))
	for _, p := range local {
		require.NoError(t, netns.Local(netip.MustParsePrefix(p)))
	}
}

// TestFullDisk has a state folder with room for half of the findings. When there is room, the run goes on.
func TestFullDisk(t *testing.T) {
	needRoot(t)
	require.NoError(t, unix.Unshare(unix.CLONE_FS|unix.CLONE_NEWNS))
	require.NoError(t, unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""))
	disk := t.TempDir()
	if err := unix.Mount("tmpfs", disk, "tmpfs", 0, "size=64k"); err != nil {
		t.Skipf("cannot mount a file system: %v", err)
	}
	t.Cleanup(func() { _ = unix.Unmount(disk, unix.MNT_DETACH) })
	state := filepath.Join(disk, "state")
	p := start(t, slowTour(t, state, "unlimited")...)
	_, status := p.rest(t)
	require.Equal(t, exitFailed, status, p.errout.String())
	require.Contains(t, p.errout.String(), "no space left on device")
	require.Contains(t, p.errout.String(), "hint: make room, then go on with: netschouw sweep --resume")
	st, err := sweep.LoadState(filepath.Join(state, "run.json"))
	require.NoError(t, err, "the state is whole")
	require.False(t, st.Complete())

	require.NoError(t, unix.Mount("tmpfs", disk, "tmpfs", unix.MS_REMOUNT, "size=16m"))
	p = start(t, slowTour(t, state, "unlimited", "--resume")...)
	out, status := p.rest(t)
	require.Equal(t, exitComplete, status, p.errout.String())
	all := addresses(t, out)
	require.Len(t, all, 256)
	for a, n := range all {
		require.Equal(t, 1, n, a)
	}
}

// intoTheVoid makes an interface on which what is sent to a prefix leaves, and nothing comes back.
func intoTheVoid(t *testing.T, prefix string) netlink.Link {
	t.Helper()
	attrs := netlink.NewLinkAttrs()
	attrs.Name = "wire"
	require.NoError(t, netlink.LinkAdd(&netlink.Veth{LinkAttrs: attrs, PeerName: "void"}))
	void, err := netlink.LinkByName("void")
	require.NoError(t, err)
	require.NoError(t, netlink.LinkSetUp(void))
	wire, err := netlink.LinkByName("wire")
	require.NoError(t, err)
	addr, err := netlink.ParseAddr("192.0.2.2/30")
	require.NoError(t, err)
	require.NoError(t, netlink.AddrAdd(wire, addr))
	require.NoError(t, netlink.LinkSetUp(wire))
	gateway := net.ParseIP("192.0.2.1")
	require.NoError(t, netlink.NeighSet(&netlink.Neigh{LinkIndex: wire.Attrs().Index, State: netlink.NUD_PERMANENT, IP: gateway,
		HardwareAddr: void.Attrs().HardwareAddr}))
	_, dst, err := net.ParseCIDR(prefix)
	require.NoError(t, err)
	require.NoError(t, netlink.RouteAdd(&netlink.Route{LinkIndex: wire.Attrs().Index, Dst: dst, Gw: gateway}))
	return wire
}

// TestVanishedInterface takes the interface away in the middle of a run over silent addresses. None that was asked since is
// in the report as silent.
func TestVanishedInterface(t *testing.T) {
	for _, discovery := range []string{"connect", "syn"} {
		t.Run(discovery, func(t *testing.T) {
			ownNetwork(t)
			wire := intoTheVoid(t, "198.18.0.0/16")
			state := filepath.Join(t.TempDir(), "state")
			p := start(t, "sweep", "--config", os.DevNull, "--owned", "198.18.0.0/18", "--port", "80", "--rate", "2000/s", "--rate-per-24", "unlimited",
				"--connect-timeout", "300ms", "--state", state, "--format", "json", "--quiet", "--discovery", discovery)
			require.Eventually(t, func() bool {
				st, err := sweep.LoadState(filepath.Join(state, "run.json"))
				return err == nil && st.Counts.Hosts[sweep.Silent] > 0
			}, 20*time.Second, 20*time.Millisecond)
			require.NoError(t, netlink.LinkDel(wire))
			gone := time.Now()
			out, status := p.rest(t)
			require.Equal(t, exitFailed, status, p.errout.String())
			require.Less(t, time.Since(gone), 15*time.Second)
			var doc struct{ Summary report.Summary }
			require.NoError(t, json.Unmarshal([]byte(out), &doc))
			require.False(t, doc.Summary.Complete)
			require.NotEmpty(t, doc.Summary.Stopped)
			st, err := sweep.LoadState(filepath.Join(state, "run.json"))
			require.NoError(t, err)
			require.Equal(t, doc.Summary.Hosts.Silent, st.Counts.Hosts[sweep.Silent])
			// At 2000/s and a timeout of 0.3s, what is believed lies a second behind what is asked.
			require.Less(t, st.Counts.Hosts[sweep.Silent], st.Next-200)
			t.Log(p.errout.String())
			require.Contains(t, p.errout.String(), "this machine cannot see the network")
			require.Contains(t, p.errout.String(), "hint: mend the network")
		})
	}
}

// TestAResolverThatIsSilent costs a run a bounded time, and the names are then not looked at.
func TestAResolverThatIsSilent(t *testing.T) {
	t.Parallel()
	deaf, err := net.ListenPacket("udp", "127.0.0.1:0")
	require.NoError(t, err)
	defer deaf.Close() //nolint:errcheck // of no use to anyone
	begin := time.Now()
	p := start(t, slowTour(t, t.TempDir(), "unlimited", "--resolver", deaf.LocalAddr().String())...)
	out, status := p.rest(t)
	require.Equal(t, exitComplete, status, p.errout.String())
	require.Less(t, time.Since(begin), 20*time.Second)
	found, err := report.Read(strings.NewReader(out))
	require.NoError(t, err)
	require.Len(t, found, 256)
	for _, f := range found {
		require.Nil(t, f.Network.PTR, "not looked at, which is not the same as none")
	}
}

func TestCanaryOfACommand(t *testing.T) {
	t.Parallel()
	for canary, want := range map[string]struct {
		status int
		says   string
	}{
		"127.9.0.5":   {exitComplete, ""},
		"127.9.0.5:1": {exitFailed, "this machine cannot see the network: canary 127.9.0.5:1 was not seen at the start"},
		"192.0.2.1":   {exitUsage, "sweep.canary: 192.0.2.1 is not in scope.owned"},
		"127.9.0.5:2": {exitUsage, "port 2 of canary 127.9.0.5 is not among the ports that are tried"},
		"127.9.0.9":   {exitUsage, "sweep.canary: 127.9.0.9 is excluded"},
		"127.9.0.127": {exitComplete, ""}, // owned, and outside --range
	} {
		p := start(t, slowTour(t, t.TempDir(), "unlimited", "--canary", canary, "--exclude", "127.9.0.9", "--range", "127.9.0.0/26")...)
		out, status := p.rest(t)
		require.Equal(t, want.status, status, "%s: %s", canary, p.errout.String())
		require.Contains(t, p.errout.String(), want.says, canary)
		require.Len(t, addresses(t, out), map[bool]int{true: 63}[status == exitComplete], canary)
	}
}

// TestListedTargets has an IPv6 range that is too large to walk: what is listed is visited, and what is not ours is refused.
func TestListedTargets(t *testing.T) {
	ownNetwork(t, "2001:db8:40::/48")
	folder := t.TempDir()
	list, customers := filepath.Join(folder, "list.txt"), filepath.Join(folder, "customers.csv")
	require.NoError(t, os.WriteFile(list, []byte("# in use\n2001:db8:40::1\n2001:db8:40:7::/126 # a small prefix\n127.9.0.1\n2001:db8:99::1\n192.0.2.1\n2001:db8:40::66\n"), 0o600))
	require.NoError(t, os.WriteFile(customers, []byte("prefix,customer_id\n2001:db8:40:c::5/128,C5\n2001:db8:40:d::/64,C6\n"), 0o600))
	conf := func(state string, more ...string) []string {
		return append([]string{"sweep", "--config", os.DevNull, "--owned", "127.9.0.0/30", "--owned", "2001:db8:40::/48", "--exclude", "2001:db8:40::66",
			"--port", closedPort, "--targets", list, "--customers", customers, "--state", state, "--format", "jsonl", "--all", "--discovery", "connect"}, more...)
	}
	p := start(t, conf(t.TempDir())...)
	out, status := p.rest(t)
	require.Equal(t, exitComplete, status, p.errout.String())
	want := map[string]int{"127.9.0.0": 1, "127.9.0.1": 1, "127.9.0.2": 1, "127.9.0.3": 1, "2001:db8:40::1": 1, "2001:db8:40:7::": 1,
		"2001:db8:40:7::1": 1, "2001:db8:40:7::2": 1, "2001:db8:40:7::3": 1, "2001:db8:40:c::5": 1}
	require.Equal(t, want, addresses(t, out))
	for _, refused := range []string{"192.0.2.1", "2001:db8:99::1"} {
		require.Regexp(t, "refused.* address="+refused, p.errout.String())
	}

	state := t.TempDir()
	p = start(t, conf(state, "--rate", "1/s")...)
	buf := make([]byte, 1)
	_, err := p.out.Read(buf)
	require.NoError(t, err)
	require.NoError(t, p.Process.Kill())
	_, _ = io.Copy(io.Discard, p.out)
	_ = p.Wait()
	body, err := os.ReadFile(list)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(list, append(body, "2001:db8:40::2\n"...), 0o600))
	p = start(t, conf(state, "--resume")...)
	_, status = p.rest(t)
	require.Equal(t, exitUsage, status)
	require.Contains(t, p.errout.String(), "addresses that the ranges, files and lists of customers come to")

	for text, fault := range map[string]string{"2001:db8:40::1/64\n": ":1: ", "shop.example.org\n": ":1: ", "\n2001:db8:40::/64\n": ":2: 2001:db8:40::/64 has more than 65536 addresses"} {
		require.NoError(t, os.WriteFile(list, []byte(text), 0o600))
		p = start(t, conf(t.TempDir())...)
		_, status = p.rest(t)
		require.Equal(t, exitUsage, status, text)
		require.Contains(t, p.errout.String(), list+fault)
	}
}

// within puts a process under a memory limit, in bytes, by the control groups of either version; false where that is not
// permitted.
func (p *process) within(t *testing.T, limit int) bool {
	t.Helper()
	for _, v := range []struct{ root, key, swap string }{
		{"/sys/fs/cgroup/memory", "memory.limit_in_bytes", "memory.memsw.limit_in_bytes"},
		{"/sys/fs/cgroup", "memory.max", "memory.swap.max"},
	} {
		group := filepath.Join(v.root, "netschouw-test-"+strconv.Itoa(p.Process.Pid))
		if os.Mkdir(group, 0o755) != nil {
			continue
		}
		err := os.WriteFile(filepath.Join(group, v.key), []byte(strconv.Itoa(limit)), 0)
		if err == nil {
			err = os.WriteFile(filepath.Join(group, "cgroup.procs"), []byte(strconv.Itoa(p.Process.Pid)), 0)
		}
		t.Cleanup(func() { _ = os.Remove(group) })
		if err == nil {
			return true
		}
		if !errors.Is(err, os.ErrNotExist) && !errors.Is(err, os.ErrPermission) {
			t.Logf("%s: %v", group, err)
		}
	}
	return false
}

// TestSixtyFourMiB sweeps a /16 in a control group that kills what takes more.
func TestSixtyFourMiB(t *testing.T) {
	if testing.Short() || raceEnabled {
		t.Skip("takes ten seconds, and the race detector ten times the memory")
	}
	ownNetwork(t)
	t.Setenv("GOMEMLIMIT", "48MiB")
	p := start(t, "sweep", "--config", os.DevNull, "--owned", "127.20.0.0/16", "--port", "1,2,3", "--rate", "unlimited", "--rate-per-24", "unlimited",
		"--state", t.TempDir(), "--format", "csv", "--all", "--quiet")
	if !p.within(t, 64<<20) {
		t.Log("no control group to be had: the peak is measured instead")
	}
	lines, peak := 0, ""
	buf := make([]byte, 1<<16)
	for {
		n, err := p.out.Read(buf)
		lines += strings.Count(string(buf[:n]), "\n")
		if err != nil {
			break
		}
		// What getrusage tells of a child includes what its parent had when it was started.
		status, _ := os.ReadFile("/proc/" + strconv.Itoa(p.Process.Pid) + "/status")
		if _, after, ok := strings.Cut(string(status), "VmHWM:"); ok {
			peak, _, _ = strings.Cut(strings.TrimSpace(after), " ")
		}
	}
	_ = p.Wait()
	require.Equal(t, exitComplete, p.ProcessState.ExitCode(), p.errout.String())
	require.Greater(t, lines, 1<<16)
	kib, err := strconv.Atoi(peak)
	require.NoError(t, err)
	t.Logf("peak %d KiB resident", kib)
	require.Less(t, kib, 64<<10)
}

// TestCheckTriesEveryPort has a server on a port that nobody would think of.
func TestCheckTriesEveryPort(t *testing.T) {
	if testing.Short() {
		t.Skip("tries 65,535 ports")
	}
	l, err := net.Listen("tcp4", "127.9.8.7:0")
	require.NoError(t, err)
	defer l.Close() //nolint:errcheck // of no use to anyone
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			_, _ = io.WriteString(c, "SSH-2.0-hidden\r\n")
			_ = c.Close()
		}
	}()
	port := uint16(l.Addr().(*net.TCPAddr).Port)
	look := func(more ...string) []uint16 {
		p := start(t, append([]string{"check", "127.9.8.7", "--config", os.DevNull, "--owned", "127.9.8.0/24", "--format", "jsonl", "--rate", "unlimited", "--quiet"}, more...)...)
		out, status := p.rest(t)
		require.Equal(t, exitComplete, status, p.errout.String())
		found, err := report.Read(strings.NewReader(out))
		require.NoError(t, err)
		require.Len(t, found, 1)
		var ports []uint16
		for _, s := range found[0].Services {
			ports = append(ports, s.Port)
		}
		return ports
	}
	every := []string{"--escalate", "all-ports", "--rate-per-suspect", "unlimited"}
	t.Setenv("NETSCHOUW_SWEEP_RATE_PER_24", "unlimited")
	require.Contains(t, look(every...), port)
	require.NotContains(t, look(), port, "an abuse desk wants an answer in seconds")
	require.NotContains(t, look("--port", "1"), port, "who names ports means these")
}
