package interop

import (
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/netschouw/netschouw/checks/probe"
)

func TestPostfix(t *testing.T) {
	path := find(t, "postfix", "postfix")
	asRoot(t, "postfix")
	dir, port := workDir(t), freePort(t)
	cert, key := certificate(t, dir, "mx1.klant.example.test")
	values := map[string]string{"DIR": dir, "CERT": cert, "KEY": key, "SMTP": strconv.Itoa(port)}
	main, master := fill(t, dir, "postfix-main.cf", values), fill(t, dir, "postfix-master.cf", values)
	conf := filepath.Join(dir, "conf")
	require.NoError(t, os.Mkdir(conf, 0o755))
	require.NoError(t, os.Rename(main, filepath.Join(conf, "main.cf")))
	require.NoError(t, os.Rename(master, filepath.Join(conf, "master.cf")))
	require.NoError(t, os.Mkdir(filepath.Join(dir, "queue"), 0o755))
	require.NoError(t, os.Mkdir(filepath.Join(dir, "data"), 0o755))
	chown(t, filepath.Join(dir, "data"), "postfix")
	// Its master leaves the process group that the end of the test stops; it says who it is.
	t.Cleanup(func() { endByFile(t, filepath.Join(dir, "queue", "pid", "master.pid")) })
	start(t, []int{port}, path, "-c", conf, "start-fg")

	d, svc := details[*probe.SMTP](t, port)
	require.Equal(t, "mx1.klant.example.test", d.Host)
	require.Equal(t, "mx1.klant.example.test", d.EHLOHost)
	require.Equal(t, "postfix", d.Software)
	require.NotNil(t, d.StartTLS)
	require.True(t, *d.StartTLS)
	require.NotNil(t, svc.TLS, "the certificate behind STARTTLS")
	require.Equal(t, []string{"mx1.klant.example.test"}, svc.TLS.Names)
	require.True(t, svc.TLS.SelfIssued)
	require.Equal(t, 1, svc.Connections, "a greeter costs one connection on any port")
}

func TestDovecot(t *testing.T) {
	path := find(t, "dovecot", "dovecot-imapd dovecot-pop3d")
	asRoot(t, "dovecot")
	dir := workDir(t)
	cert, key := certificate(t, dir, "imap.klant.example.test")
	imap, imaps, pop, pops := freePort(t), freePort(t), freePort(t), freePort(t)
	conf := fill(t, dir, "dovecot.conf", map[string]string{"DIR": dir, "CERT": cert, "KEY": key, "IMAP": strconv.Itoa(imap),
		"IMAPS": strconv.Itoa(imaps), "POP": strconv.Itoa(pop), "POPS": strconv.Itoa(pops)})
	start(t, []int{imap, imaps, pop, pops}, path, "-F", "-c", conf)

	for _, port := range []int{imap, imaps} {
		d, svc := details[*probe.IMAP](t, port)
		require.Equal(t, "dovecot", d.Software)
		require.Contains(t, d.Capabilities, "IMAP4REV1")
		require.NotNil(t, svc.TLS)
		require.Equal(t, []string{"imap.klant.example.test"}, svc.TLS.Names)
	}
	for _, port := range []int{pop, pops} {
		d, svc := details[*probe.POP3](t, port)
		require.Equal(t, "dovecot", d.Software)
		require.Contains(t, d.Capabilities, "UIDL")
		require.NotNil(t, svc.TLS)
	}
}
