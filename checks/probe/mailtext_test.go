package probe

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestDomainName(t *testing.T) {
	for token, want := range map[string]string{
		"mail.example.org": "mail.example.org", "MX1.Example.ORG.": "mx1.example.org", "mail_1.example.org": "mail_1.example.org",
		"a.xn--p1ai": "a.xn--p1ai", "localhost.localdomain": "localhost.localdomain",
		"": "", ".": "", "org": "", "localhost": "", "ESMTP": "", "8.17.1": "", "v2.4.17": "", "2.4.17-8.el7_1": "", "192.0.2.1": "",
		"-a.example.org": "", "a-.example.org": "", "a..org": "", ".example.org": "", "a.b": "", "http://example.org/": "",
		"postmaster@example.org": "", "m\x1b[2J.example.org": "", "ma\xc3\xafl.example.org": "",
		strings.Repeat("a", 64) + ".org": "", strings.Repeat("a.", 130) + "org": "",
	} {
		require.Equal(t, want, domainName(token), "%q", token)
	}
}

func TestHostToken(t *testing.T) {
	for token, want := range map[string]string{
		"mail.example.org": "mail.example.org", "[192.0.2.1]": "[192.0.2.1]", "[IPv6:2001:db8::1]": "[IPv6:2001:db8::1]", "192.0.2.1": "192.0.2.1",
		"[192.0.2.1": "", "[]": "", "[example]": "", "fe80::1%eth0": "", "220": "", "ESMTP": "",
	} {
		require.Equal(t, want, hostToken(token), "%q", token)
	}
}

func TestHostWithin(t *testing.T) {
	for text, want := range map[string]string{
		"Dovecot (Debian) ready.": "",
		"mail.example.org Cyrus IMAP v2.4.17-Fedora-RPM-2.4.17-8.el7_1 server ready":                                "mail.example.org",
		"POP3 server at mail.example.org ready <1896.697170952@pop.example.org>":                                    "mail.example.org",
		"ready <1896.697170952@pop.example.org>":                                                                    "pop.example.org",
		"ready <1896.697170952@pop>":                                                                                "",
		"ready <@> <a@b> < > mail to <postmaster@example.org":                                                       "",
		"Courier-IMAP ready. Copyright 1998-2018 Double Precision, Inc.  See COPYING for distribution information.": "",
		"\t \t": "",
	} {
		require.Equal(t, want, hostWithin(text), "%q", text)
	}
}

func TestGreetingNamesAreNotRepeated(t *testing.T) {
	require.Equal(t, []Name{{Value: "a.test", In: InGreeting}}, greetingNames("a.test", "A.test.", "[192.0.2.1]", ""))
	require.Equal(t, []Name{{Value: "a.test", In: InGreeting}, {Value: "b.test", In: InGreeting}}, greetingNames("a.test", "b.test"))
}

func TestCapability(t *testing.T) {
	require.Equal(t, "SIZE 10240000", capability("size 10240000 "))
	require.Equal(t, "AUTH=PLAIN", capability("auth=plain"))
	require.Equal(t, "X\xff y", capability("x\xff y"), "raw")
	require.Empty(t, capability("  \t"))
	require.Len(t, capability(strings.Repeat("a", 1000)), maxKeyword)
	require.Equal(t, []string{"A", "B"}, capabilities([]string{"a", "", "b", "c"}, 2))
}

func FuzzGreetingText(f *testing.F) {
	for _, seed := range []string{"mail.example.org ESMTP Postfix", "[IPv6:2001:db8::1] ready", "<1@pop.example.org>", "v2.4.17-8.el7_1", "A.B. <@>"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		for _, host := range []string{hostToken(firstWord(text)), hostWithin(text), domainName(text)} {
			require.LessOrEqual(t, len(host), 253)
			require.True(t, host == "" || printable(host), "%q", host)
			if name := domainName(host); name != "" {
				require.Equal(t, host, name, "a name is its own normal form")
				require.Contains(t, name, ".")
			}
		}
		_ = mailSoftware(hostWithin(text), text)
		require.LessOrEqual(t, len(capability(text)), maxKeyword)
	})
}
