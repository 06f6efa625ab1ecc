package interop

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/netschouw/netschouw/checks/probe"
	"github.com/netschouw/netschouw/checks/probe/dial"
)

// find returns the daemon's path, looking where Debian keeps daemons too.
func find(t *testing.T, name, pkg string) string {
	t.Helper()
	for _, dir := range append(filepath.SplitList(os.Getenv("PATH")), "/usr/sbin", "/sbin", "/usr/lib/chromium") {
		if path, err := exec.LookPath(filepath.Join(dir, name)); err == nil {
			return path
		}
	}
	if os.Getenv("CI") == "true" {
		t.Fatalf("%s is not installed; apt-get install %s", name, pkg)
	}
	t.Skipf("%s is not installed; apt-get install %s", name, pkg)
	return ""
}

// asRoot says by name which daemon needs root to start.
func asRoot(t *testing.T, name string) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skipf("%s starts only as root", name)
	}
}

// freePort returns a loopback port that nothing listens on.
func freePort(t *testing.T) int {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer ln.Close()
	return ln.Addr().(*net.TCPAddr).Port
}

// workDir is a temporary folder that daemons running as their own users may enter.
func workDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "netschouw-interop-")
	require.NoError(t, err)
	require.NoError(t, os.Chmod(dir, 0o755))
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

// fill writes fixtures/interop/NAME to the folder, with each @KEY@ replaced, and returns its path.
func fill(t *testing.T, dir, name string, values map[string]string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "..", "fixtures", "interop", name))
	require.NoError(t, err)
	for k, v := range values {
		text = bytes.ReplaceAll(text, []byte("@"+k+"@"), []byte(v))
	}
	require.NotRegexp(t, `@[A-Z]+@`, string(text), "a value is missing")
	path := filepath.Join(dir, name)
	require.NoError(t, os.WriteFile(path, text, 0o644))
	return path
}

// output collects what a daemon says, for the failure message.
type output struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.String()
}

// start runs a daemon in the foreground until the test ends, and returns once all its ports accept connections.
func start(t *testing.T, ports []int, path string, args ...string) {
	t.Helper()
	said := new(output)
	cmd := exec.Command(path, args...)
	cmd.Stdout, cmd.Stderr = said, said
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // so that its children end with it
	require.NoError(t, cmd.Start())
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	t.Cleanup(func() {
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM)
		select {
		case <-ended:
		case <-time.After(5 * time.Second):
		}
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
	})
	name := filepath.Base(path)
	for _, port := range ports {
		for deadline := time.Now().Add(30 * time.Second); !accepts(port); {
			select {
			case err := <-ended:
				t.Fatalf("%s ended: %v\n%s", name, err, said)
			case <-time.After(50 * time.Millisecond):
			}
			require.Truef(t, time.Now().Before(deadline), "%s does not listen on port %d:\n%s", name, port, said)
		}
	}
}

// endByFile stops the process whose number a daemon wrote to a file, if it is still there.
func endByFile(t *testing.T, path string) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		return
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
	require.NoError(t, err)
	_ = syscall.Kill(pid, syscall.SIGTERM)
}

// accepts tells whether something listens on a loopback port.
func accepts(port int) bool {
	c, err := net.DialTimeout("tcp", "127.0.0.1:"+strconv.Itoa(port), time.Second)
	if err == nil {
		_ = c.Close()
	}
	return err == nil
}

// certificate writes a self-made certificate for name and returns the paths of certificate and key.
func certificate(t *testing.T, dir, name string) (cert, key string) {
	t.Helper()
	priv, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, DNSNames: []string{name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &priv.PublicKey, priv)
	require.NoError(t, err)
	pkcs8, err := x509.MarshalPKCS8PrivateKey(priv)
	require.NoError(t, err)
	cert, key = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	require.NoError(t, os.WriteFile(cert, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o644))
	require.NoError(t, os.WriteFile(key, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8}), 0o600))
	return cert, key
}

// loopbackOnly is the scope of these tests.
type loopbackOnly struct{}

func (loopbackOnly) Check(a netip.Addr) error {
	if a != netip.MustParseAddr("127.0.0.1") {
		return &net.AddrError{Err: "not the test's own host", Addr: a.String()}
	}
	return nil
}

// identify asks a port what it is.
func identify(t *testing.T, port int, opts probe.Options) probe.Service {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
	defer cancel()
	opts.Identity = probe.Identity{EHLO: "scan.example.net", Contact: "https://noc.example.net/netschouw"}
	p := probe.New(dial.New(loopbackOnly{}, nil, dial.Options{}), opts)
	svc := p.IdentifyAt(ctx, netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), uint16(port)))
	t.Logf("%s %s, %d connections, banner %q, error %q", svc.Protocol, svc.Status, svc.Connections, strings.TrimSpace(svc.Banner), svc.Error)
	return svc
}

// details asks a port and requires that it is what T says.
func details[T probe.Details](t *testing.T, port int) (T, probe.Service) {
	t.Helper()
	svc := identify(t, port, probe.Options{})
	require.Equal(t, probe.StatusOK, svc.Status, svc.Error)
	d, ok := svc.Details.(T)
	require.Truef(t, ok, "identified as %s (%T)", svc.Protocol, svc.Details)
	require.LessOrEqual(t, svc.Connections, probe.MaxConnections)
	return d, svc
}
