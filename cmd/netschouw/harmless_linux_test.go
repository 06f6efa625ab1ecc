package main

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/netschouw/netschouw/fixtures/fleet/dns"
	"github.com/netschouw/netschouw/fixtures/fleet/profile"
	"github.com/netschouw/netschouw/fixtures/fleet/serve"
)

// The territory of the tests below, in words that do not depend on the code that is tested.
var (
	ownRange   = netip.MustParsePrefix("127.91.0.0/24")
	ownRange6  = netip.MustParsePrefix("2001:db8:91::/120")
	optedOut   = netip.MustParsePrefix("127.91.0.128/25")
	ofCustomer = netip.MustParsePrefix("127.91.0.64/28") // marked in the exclude column of the customer list
	oneMore    = netip.MustParseAddr("127.91.0.9")
)

func mayBeContacted(a netip.Addr) bool {
	return (ownRange.Contains(a) || ownRange6.Contains(a)) && !optedOut.Contains(a) && !ofCustomer.Contains(a) && a != oneMore
}

// provider writes the files of a provider who owns the territory, and returns the words that name them.
func provider(t *testing.T, resolver string) []string {
	t.Helper()
	folder := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(folder, name)
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
		return path
	}
	conf := write("netschouw.yaml", "scope:\n  owned: ["+ownRange.String()+", \""+ownRange6.String()+"\"]\n  excluded_files: [out.txt]\n  excluded: ["+oneMore.String()+"]\n"+
		"netinfo:\n  resolvers: ["+resolver+"]\n  customers: customers.csv\nsweep:\n  rate: unlimited\n  rate_per_24: unlimited\n  timeout: {connect: 1s, handshake: 1s, host: 5s}\n")
	write("out.txt", optedOut.String()+"  # asked us not to\n")
	write("customers.csv", "prefix,customer_id,customer_name,abuse_email,tags,exclude\n"+ofCustomer.String()+",C7,Seven,abuse@example.org,,yes\n"+ownRange.String()+",C1,One,,,\n")
	return []string{"--config", conf, "--quiet", "--port", "80"}
}

// TestNothingElseIsContacted runs the program as a process, in a network where every address answers, and looks at the packets:
// each way in which something else might be reached is tried.
func TestNothingElseIsContacted(t *testing.T) {
	if !alone(t) {
		t.Skip("needs root and a network namespace, in which every address is ours")
	}
	site := &serve.Site{Server: "nginx", Answer: func(r *serve.Request) serve.Response {
		return serve.Redirect(302, map[string]string{"/": "http://127.91.0.200/a", "/a": "http://192.0.2.66/"}[r.Path])
	}}
	everywhere(t, 80, serve.HTTP(site))
	names, err := dns.Start(t.Context(), "127.0.0.1:0", []string{
		"outside.example.org. 300 IN A 192.0.2.66", "outside.example.org. 300 IN AAAA 2001:db8::66",
		"mixed.example.org. 300 IN A 127.91.0.3", "mixed.example.org. 300 IN A 127.91.0.130", "mixed.example.org. 300 IN A 169.254.169.254",
		"mixed.example.org. 300 IN AAAA ::ffff:192.0.2.66", "mixed.example.org. 300 IN AAAA ::1", "mixed.example.org. 300 IN A 0.0.0.0",
		"mixed.example.org. 300 IN MX 10 mail.example.org.", "mail.example.org. 300 IN A 198.51.100.25", "mail.example.org. 300 IN A 127.91.0.70",
		"alias.example.org. 300 IN CNAME outside.example.org.", "3.0.91.127.in-addr.arpa. 300 IN PTR outside.example.org."})
	require.NoError(t, err)
	t.Cleanup(names.Close)

	for name, tc := range map[string]struct {
		words string // "sweep" gets a state folder
		hosts int    // that are contacted; those of the /24 that may be are 256-128-16-1
		wrong bool   // refused as a whole
	}{
		"sweep":                                  {"sweep --range 127.91.0.0/24", 111, false},
		"a range wider than what is owned":       {"sweep --range 127.91.0.0/16", 0, true},
		"a range beside it":                      {"sweep --range 192.0.2.0/24", 0, true},
		"a range that is excluded":               {"sweep --range 127.91.0.128/25", 0, true},
		"ipv6":                                   {"sweep --range 2001:db8:91::/124", 16, false},
		"a mapped range":                         {"sweep --range ::ffff:127.91.0.0/121", 111, false},
		"by raw packets":                         {"sweep --range 127.91.0.0/24 --discovery syn", 111, false},
		"by raw packets, more exclusions":        {"sweep --range 127.91.0.0/24 --discovery syn --exclude ::ffff:127.91.0.0/122", 48, false},
		"by raw packets, ipv6":                   {"sweep --range 2001:db8:91::/124 --discovery syn", 16, false},
		"by raw packets, beside":                 {"sweep --range 192.0.2.0/24 --discovery syn", 0, true},
		"exclusions of flags add up":             {"sweep --range 127.91.0.0/24 --exclude 127.91.0.0/26", 48, false},
		"a mapped exclusion":                     {"sweep --range 127.91.0.0/24 --exclude ::ffff:127.91.0.0/122", 48, false},
		"other owned ranges":                     {"sweep --owned 127.91.0.120-127.91.0.140", 8, false},
		"an owned range that is a mistake":       {"sweep --owned 127.91.0.0/33", 0, true},
		"an exclusion that is a mistake":         {"sweep --exclude 127.91.0.300", 0, true},
		"all of the Internet":                    {"sweep --owned 0.0.0.0/0", 0, true},
		"check an address":                       {"check 127.91.0.3", 1, false},
		"check one that is excluded":             {"check 127.91.0.130", 0, true},
		"check one of a customer that opted out": {"check 127.91.0.70", 0, true},
		"check one that is not owned":            {"check 192.0.2.66", 0, true},
		"check mapped addresses":                 {"check ::ffff:127.91.0.130 ::ffff:192.0.2.66 ::ffff:127.91.0.3", 1, false},
		"check a zone":                           {"check fe80::1%lo ::1%lo 2001:db8:91::1%lo", 0, true},
		"check what is no host":                  {"check 0.0.0.0 :: ::1 127.0.0.1 255.255.255.255 224.0.0.1 ff02::1", 0, true},
		"check a range across the border":        {"check 127.91.0.0/28", 15, false},
		"check a name that leads outside":        {"check outside.example.org", 0, true},
		"check an alias that leads outside":      {"check alias.example.org", 0, true},
		"check a name that leads to both":        {"check mixed.example.org", 1, false},
		"check odd spellings of addresses":       {"check 0x7f5b0003 2136670211 0177.0133.0.3 127.91.3", 0, true},
		"check a name with a trailing dot":       {"check outside.example.org.", 0, true},
		"check a url":                            {"check http://127.91.0.3@192.0.2.66/", 0, true},
	} {
		t.Run(name, func(t *testing.T) { // not in parallel: each captures what it causes
			inherit(t)
			words := append(strings.Fields(tc.words), provider(t, names.Addr().String())...)
			if words[0] == "sweep" {
				words = append(words, "--state", t.TempDir())
			}
			seen := watch(t)
			p := start(t, words...)
			_, status := p.rest(t)
			if tc.wrong {
				require.Equal(t, exitUsage, status, p.errout.String())
			} else {
				require.Equal(t, exitComplete, status, p.errout.String())
			}
			require.Len(t, contacted(t, seen.stop(t), names.Addr()), tc.hosts, p.errout.String())
		})
	}
	t.Run("a resumed run has new exclusions", func(t *testing.T) {
		inherit(t)
		words := append([]string{"sweep", "--state", t.TempDir(), "--range", "127.91.0.0/24", "--format", "jsonl", "--all"}, provider(t, names.Addr().String())...)
		p := start(t, append(words, "--rate", "40/s")...)
		_, err := bufio.NewReader(p.out).ReadString('\n')
		require.NoError(t, err, p.errout.String())
		require.NoError(t, p.Process.Signal(syscall.SIGINT))
		_, status := p.rest(t)
		require.Equal(t, exitStopped, status, p.errout.String())
		file := filepath.Join(filepath.Dir(words[slices.Index(words, "--config")+1]), "out.txt")
		require.NoError(t, os.WriteFile(file, []byte(optedOut.String()+"\n127.91.0.0/26\n"), 0o600))
		seen := watch(t)
		p = start(t, append(words, "--resume")...)
		_, status = p.rest(t)
		require.Equal(t, exitComplete, status, p.errout.String())
		after := contacted(t, seen.stop(t), names.Addr())
		require.NotEmpty(t, after)
		for a := range after {
			require.False(t, netip.MustParsePrefix("127.91.0.0/26").Contains(a), "%v was excluded before the resumed run began", a)
		}
	})
}

// contacted is how many connections went to each host. Every one of them must be permitted; datagrams go to the name server
// only.
func contacted(t *testing.T, seen []sent, resolver netip.AddrPort) map[netip.Addr]int {
	t.Helper()
	hosts := map[netip.Addr]int{}
	for _, p := range seen {
		if p.to == resolver || p.udp && p.from == resolver {
			continue
		}
		require.False(t, p.udp, "a datagram went to %v", p.to)
		require.True(t, mayBeContacted(p.to.Addr()), "a connection went to %v", p.to)
		hosts[p.to.Addr()]++
	}
	return hosts
}

// allowed is what may be said in the protocols whose clients speak in lines: whole lines, and nothing else.
var allowed = []*regexp.Regexp{
	regexp.MustCompile(`^EHLO [!-~]+\r\n$`), regexp.MustCompile(`^(STARTTLS|STLS|CAPA|QUIT|PING)\r\n$`),
	regexp.MustCompile(`^(a CAPABILITY|b STARTTLS|c LOGOUT)\r\n$`),
	// Every request is a GET of the root, an icon or script that the page names, or a harmless question to an API.
	regexp.MustCompile(`^GET /[!-~]* HTTP/1\.1\r\n$`),
	regexp.MustCompile(`^(Host: [0-9a-f.:\[\]]+|User-Agent: netschouw/1 [ -~]+|Accept: \*/\*|Accept-Encoding: identity|Connection: keep-alive)?\r\n$`),
}

// beginnings are those of the lines that are allowed.
var beginnings = []string{"EHLO ", "STARTTLS\r", "STLS\r", "CAPA\r", "QUIT\r", "PING\r", "a CAPABILITY\r", "b STARTTLS\r", "c LOGOUT\r", "GET /", "Host: ", "User-Agent: netschouw/1 ",
	"Accept: ", "Accept-Encoding: ", "Connection: ", "\r"}

// paths are all that is asked for: the root and our own questions to APIs, and what the fleet's own pages name: their icons and
// scripts, and where their roots redirect to.
var paths = regexp.MustCompile(`^GET /(favicon\.ico|json/version|status|wd/hub/status|_ping|version|[!-~]+\.(ico|png|svg|gif|js)|` +
	`login/?|login_up\.php|users/sign_in|dashboard/|evo/login|sso/login|mail/|owa/auth/logon\.aspx\?replaceCurrent=1|a{1,3}|[0-9a-f]{8}/)? HTTP/1\.1\r\n$`)

// TestOnlyHarmlessWordsAreSent looks, at the fleet's side and inside TLS too, at every byte that a sweep of every kind of host sends;
// those that only make one wait are left out.
func TestOnlyHarmlessWordsAreSent(t *testing.T) {
	if testing.Short() {
		t.Skip("takes about ten seconds")
	}
	t.Parallel()
	offset := 22000
	if alone(t) {
		offset = 0
	}
	endless := []string{"hostile-drip", "hostile-tls", "hostile-http", "hostile-mail", "hostile-ssh", "hostile-stores", "hostile-deaf", "tarpit"}
	b := assemble(t, "127.92.0.0/24", offset, 1, func(p profile.Profile) bool { return !slices.Contains(endless, p.Name) })
	p := start(t, b.tour(t, "--contact", "https://noc.example.org/netschouw", "--ehlo", "scan.example.org", "--handshake-timeout", "1s", "--host-timeout", "6s", "--per-host", "200")...)
	_, status := p.rest(t)
	require.Equal(t, exitComplete, status, p.errout.String())
	said := map[string]int{}
	for _, talk := range b.Talks() {
		where := fmt.Sprintf("%s port %d", b.truth[talk.Local.Addr()].Profile, talk.Local.Port())
		open, rest := beforeTLS(talk.Wire)
		if len(rest) > 0 {
			said["TLS"]++
		}
		require.True(t, len(rest) > 0 || !talk.TLS, "%s: %.40q", where, open)
		requireHarmless(t, where, open, said)
		requireHarmless(t, where, talk.Inside, said)
	}
	for _, word := range []string{"EHLO", "STARTTLS", "STLS", "CAPA", "QUIT", "a CAPABILITY", "c LOGOUT", "PING", "GET", "SSH", "SOCKS", "hello", "buildInfo", "TLS"} {
		require.Positive(t, said[word], "%s was never sent: this test looks at too little. %v", word, said)
	}
}

// isHello tells a TLS handshake record.
func isHello(b []byte) bool { return len(b) > 1 && b[0] == 22 && b[1] == 3 }

// beforeTLS splits what was said in the open, before STARTTLS perhaps, from the handshake.
func beforeTLS(b []byte) (open, rest []byte) {
	for i := range b {
		if isHello(b[i:]) && (i == 0 || b[i-1] == '\n') {
			return b[:i], b[i:]
		}
	}
	return b, nil
}

// requireHarmless holds one text against what may be sent.
func requireHarmless(t *testing.T, where string, text []byte, said map[string]int) {
	t.Helper()
	switch {
	case len(text) == 0:
		return
	case string(text) == "\x05\x01\x00":
		said["SOCKS"]++
		return
	case strings.HasPrefix(string(text), "SSH-"):
		requireSSH(t, where, text, said)
		return
	case len(text) > 16 && (text[12] == 0xdd || text[12] == 0xd4) && text[13] == 0x07:
		requireMongo(t, where, text, said)
		return
	}
	for line := range strings.Lines(string(text)) {
		if !strings.HasSuffix(line, "\n") { // the server read no further
			require.True(t, slices.ContainsFunc(beginnings, func(b string) bool { return strings.HasPrefix(line, b) || strings.HasPrefix(b, line) }), "%s: %q in %q", where, line, text)
			return
		}
		require.True(t, slices.ContainsFunc(allowed, func(r *regexp.Regexp) bool { return r.MatchString(line) }), "%s: %q in %q", where, line, text)
		if strings.HasPrefix(line, "GET ") {
			require.Regexp(t, paths, line, where)
		}
		for _, word := range []string{"EHLO", "STARTTLS", "STLS", "CAPA", "QUIT", "a CAPABILITY", "c LOGOUT", "PING", "GET"} {
			if strings.HasPrefix(line, word) {
				said[word]++
			}
		}
	}
}

// requireSSH asks that nothing follows the identification but the offer of algorithms and our half of the key exchange (RFC
// 4253 sections 7.1 and 8): no keys are taken into use, so that no authentication can begin.
func requireSSH(t *testing.T, where string, text []byte, said map[string]int) {
	t.Helper()
	line, packets, _ := strings.Cut(string(text), "\r\n")
	require.Regexp(t, `^SSH-2\.0-netschouw_1[ -~]*$`, line, where)
	said["SSH"]++
	for len(packets) > 5 {
		n := 4 + int(binary.BigEndian.Uint32([]byte(packets)))
		require.Contains(t, []byte{20, 30}, packets[5], "%s: packet of type %d", where, packets[5])
		packets = packets[min(n, len(packets)):]
	}
}

// requireMongo asks that each message carries hello, isMaster or buildInfo as its command, which is its first element.
func requireMongo(t *testing.T, where string, text []byte, said map[string]int) {
	t.Helper()
	for len(text) > 0 {
		require.GreaterOrEqual(t, len(text), 21, where)
		n := int(text[0]) | int(text[1])<<8 | int(text[2])<<16 | int(text[3])<<24
		require.True(t, n >= 21 && n <= len(text), "%s: %q", where, text)
		body := text[16+4+1 : n] // OP_MSG: flags and the kind of the section
		if text[12] == 0xd4 {    // OP_QUERY: flags, collection, skip, limit
			require.Equal(t, "admin.$cmd\x00", string(text[20:31]), where)
			body = text[16+4+11+8 : n]
		}
		command, _, ok := strings.Cut(string(body[4+1:]), "\x00")
		require.True(t, ok && slices.Contains([]string{"hello", "isMaster", "buildInfo"}, command), "%s: %q", where, command)
		said[command]++
		text = text[n:]
	}
}

// TestPaceAsItArrives counts what a sweep sends where it arrives: in no second more than the rate, to no host more than its
// budget.
func TestPaceAsItArrives(t *testing.T) {
	if !alone(t) {
		t.Skip("needs root and a network namespace, to see packets")
	}
	const rate, near, budget = 600, 400, 46 // the least that is enough for ten ports
	assemble(t, "127.93.0.0/26", 0, 1, func(p profile.Profile) bool {
		return p.Label == profile.Textbook || p.Label == profile.Evasive || p.Name == "plesk" || p.Name == "hostile-reset"
	})
	seen := watch(t)
	p := start(t, "sweep", "--config", os.DevNull, "--owned", "127.93.0.0/26,127.94.0.0/26", "--port", "22,25,80,143,443,993,8080,8443,9222,27017",
		"--rate", strconv.Itoa(rate)+"/s", "--rate-per-24", strconv.Itoa(near)+"/s", "--per-host", strconv.Itoa(budget),
		"--handshake-timeout", "1s", "--host-timeout", "10s", "--escalate", "pages", "--state", t.TempDir(), "--quiet")
	_, status := p.rest(t)
	require.Equal(t, exitComplete, status, p.errout.String())
	var all []time.Time
	hoods := map[netip.Addr][]time.Time{}
	hosts := map[netip.Addr]int{}
	for _, s := range seen.stop(t) {
		if s.udp {
			continue
		}
		all = append(all, s.at)
		hood := netip.PrefixFrom(s.to.Addr(), 24).Masked().Addr()
		hoods[hood] = append(hoods[hood], s.at)
		hosts[s.to.Addr()]++
	}
	require.Greater(t, len(all), 1200, "the tour is long enough to measure")
	// An attempt may leave some milliseconds after it was spent, on a busy machine; a hundredth is given for that.
	require.LessOrEqual(t, busiest(all), rate+rate/100)
	for hood, times := range hoods {
		require.LessOrEqual(t, busiest(times), near+near/100, "%v", hood)
	}
	require.Len(t, hosts, 128)
	for a, n := range hosts {
		require.LessOrEqual(t, n, budget, "%v", a)
	}
}

// busiest is the most that came within any second.
func busiest(times []time.Time) (most int) {
	slices.SortFunc(times, time.Time.Compare)
	from := 0
	for i, at := range times {
		for at.Sub(times[from]) >= time.Second {
			from++
		}
		most = max(most, i-from+1)
	}
	return most
}
