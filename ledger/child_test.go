package ledger

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/netschouw/netschouw/checks"
	"github.com/netschouw/netschouw/sweep"
)

// The processes that tests kill, starve of disk, or set against each other. They write runs for ever, and say on standard
// output what they were told is stored.

// actAs is the main of such a process.
func actAs(role string) int {
	path := os.Getenv("LEDGER_TEST_PATH")
	if role == "starve" {
		signal.Ignore(unix.SIGXFSZ) // so that a write beyond the limit fails, as on a full disk, and does not kill
		most, _ := strconv.ParseUint(os.Getenv("LEDGER_TEST_BYTES"), 10, 64)
		var r unix.Rlimit
		bound(&r.Cur, &r.Max, most)
		if err := unix.Setrlimit(unix.RLIMIT_FSIZE, &r); err != nil {
			fmt.Println("error", err)
			return 1
		}
	}
	if err := writeForEver(path, os.Getenv("LEDGER_TEST_RUN")); err != nil {
		fmt.Println("error", strings.ReplaceAll(err.Error(), "\n", " "))
		return 1
	}
	return 0
}

// bound sets both numbers of a limit, whose type is not the same on every system.
func bound[T int64 | uint64](soft, hard *T, to uint64) { *soft, *hard = T(to), T(to) }

func writeForEver(path, id string) error {
	l, err := Open(context.Background(), path, Options{Wait: 2 * time.Second})
	if err != nil {
		return err
	}
	defer l.Close()
	w, err := l.Begin(context.Background(), Run{ID: id, ConfigHash: "c0ffee", Packs: []string{"meliorator@1"}})
	if err != nil {
		return err
	}
	defer w.Close()
	most, _ := strconv.Atoi(os.Getenv("LEDGER_TEST_HOSTS"))
	for i := range most {
		f := host(address(i), "C1", "mail", "store")
		f.Reason = strings.Repeat(fmt.Sprintf("%x", i*7919), 100)
		if err := w.Host(f); err != nil {
			return err
		}
		if i%16 == 15 {
			if err := w.Flush(); err != nil {
				return err
			}
			fmt.Println("stored", i+1)
		}
	}
	if err := w.Finish(sweep.Summary{Run: id}); err != nil {
		return err
	}
	fmt.Println("finished")
	return nil
}

// child starts this test binary as another process.
func child(t *testing.T, role, path, run string, hosts int, more ...string) (*exec.Cmd, *bufio.Scanner) {
	exe, err := os.Executable()
	require.NoError(t, err)
	cmd := exec.Command(exe)
	cmd.Env = append(os.Environ(), "LEDGER_TEST_ROLE="+role, "LEDGER_TEST_PATH="+path, "LEDGER_TEST_RUN="+run, fmt.Sprint("LEDGER_TEST_HOSTS=", hosts))
	cmd.Env = append(cmd.Env, more...)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	return cmd, bufio.NewScanner(out)
}

// follow reads what a process says, and how many hosts it said were stored; until tells when to stop listening.
func follow(out *bufio.Scanner, until func(stored int) bool) (stored int, end string) {
	for out.Scan() {
		if n, ok := strings.CutPrefix(out.Text(), "stored "); ok {
			stored, _ = strconv.Atoi(n)
		} else {
			end = out.Text()
		}
		if until != nil && until(stored) {
			until = nil
		}
	}
	return stored, end
}

// sound opens a ledger after the worst, and checks that the first hosts are all there.
func sound(t *testing.T, path string, stored int) *Ledger {
	l, err := Open(context.Background(), path, Options{})
	require.NoError(t, err)
	t.Cleanup(func() { _ = l.Close() })
	require.NoError(t, l.Check(context.Background()))
	found, err := l.Findings(context.Background(), Filter{All: true}, ByAddress)
	require.NoError(t, err)
	require.GreaterOrEqual(t, len(found), stored, "what was said to be stored is there")
	for i := range stored {
		require.Equal(t, address(i), found[i].Address.String())
		_, err := l.Evidence(context.Background(), found[i].Evidence)
		require.NoError(t, err)
	}
	return l
}

const childRun = "01J8ZQ4T6M5X4C3V2B1N0M9K8J"

// TestKill kills a process that writes, again and again; the run is resumed each time and ends with every host once.
func TestKill(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ledger.db")
	const hosts = 320
	kills := 0
	for round := 0; ; round++ {
		require.Less(t, round, 50)
		cmd, out := child(t, "write", path, childRun, hosts)
		// The first hosts are given again after each resume, as after a kill of netschouw: get a little further each time.
		until := func(stored int) bool {
			if stored < 16+round*48 {
				return false
			}
			_ = cmd.Process.Kill()
			return true
		}
		stored, end := follow(out, until)
		err := cmd.Wait()
		l := sound(t, path, stored)
		run, bad := l.Run(context.Background(), childRun)
		require.NoError(t, bad)
		if end == "finished" {
			require.Equal(t, Complete, run.State)
			found, err := l.Findings(context.Background(), Filter{All: true}, "")
			require.NoError(t, err)
			require.Len(t, found, hosts)
			for _, f := range found {
				require.EqualValues(t, 1, f.Seen, "each host stands in the run once")
			}
			break
		}
		require.Error(t, err)
		require.Equal(t, CutOff, run.State)
		require.NoError(t, l.Close())
		kills++
	}
	require.Greater(t, kills, 3)
}

// TestKillWhileCreating kills a process in its first moments: there is a whole ledger after it, or none.
func TestKillWhileCreating(t *testing.T) {
	for i := range 8 {
		path := filepath.Join(t.TempDir(), "ledger.db")
		cmd, _ := child(t, "write", path, childRun, 1<<20)
		time.Sleep(time.Duration(i*4) * time.Millisecond) // a moment of no meaning
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		sound(t, path, 0)
	}
}

// TestFullDisk lets a process write until no file may grow any more.
func TestFullDisk(t *testing.T) {
	for _, size := range []int{1 << 10, 100 << 10, 300 << 10, 1 << 20} {
		t.Run(fmt.Sprint(size), func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "ledger.db")
			l, err := Open(context.Background(), path, Options{})
			require.NoError(t, err)
			require.NoError(t, l.Close())
			cmd, out := child(t, "starve", path, childRun, 1<<20, fmt.Sprint("LEDGER_TEST_BYTES=", size))
			stored, end := follow(out, nil)
			require.Error(t, cmd.Wait())
			require.Contains(t, end, "error ledger "+path, "it says which file")
			if size >= 300<<10 {
				require.Positive(t, stored)
			}
			l = sound(t, path, stored)
			require.NoError(t, l.Close())

			cmd, out = child(t, "write", path, childRun, 64) // there is room again
			_, end = follow(out, nil)
			require.NoError(t, cmd.Wait())
			require.Equal(t, "finished", end)
		})
	}
}

// TestFullDatabase is SQLite's own word for a full disk, within one process that then gets room.
func TestFullDatabase(t *testing.T) {
	d := newDesk(t)
	d.db.SetMaxOpenConns(1) // the bound is the connection's
	w := d.begin(d.newRun())
	var pages int
	require.NoError(t, d.db.QueryRow("PRAGMA page_count").Scan(&pages))
	_, err := d.db.Exec(fmt.Sprintf("PRAGMA max_page_count = %d", pages+20))
	require.NoError(t, err)
	noise := rand.New(rand.NewPCG(1, 2))
	next := func(i int) checks.Finding {
		f := host(address(i), "C1", "mail")
		for range 3000 { // what does not pack well
			f.Reason += fmt.Sprintf("%x", noise.Uint64())
		}
		return f
	}
	given := 0
	for err = error(nil); err == nil; given++ {
		err = w.Host(next(given))
	}
	require.ErrorIs(t, err, ErrFull)
	require.ErrorContains(t, err, "make room; nothing that was stored is lost")
	for i := range 60 {
		require.ErrorIs(t, w.Host(next(given+i)), ErrFull)
	}
	require.Less(t, w.bytes, batchBytes+(64<<10), "what waits is bounded")
	require.NoError(t, d.Check(context.Background()))
	_, err = d.db.Exec("PRAGMA max_page_count = 1000000")
	require.NoError(t, err)
	require.NoError(t, w.Flush(), "what waited is stored when there is room again")
	found := d.all()
	require.GreaterOrEqual(t, len(found), given)
	for i := range given {
		require.Contains(t, found, address(i))
	}
}

// TestTwoProcesses set two writers of runs against each other, and readers and a desk against both.
func TestTwoProcesses(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ledger.db")
	cmd, out := child(t, "write", path, childRun, 1<<20)
	defer cmd.Wait() //nolint:errcheck // killed
	defer cmd.Process.Kill()
	require.True(t, out.Scan())
	l, err := Open(context.Background(), path, Options{Wait: 100 * time.Millisecond})
	require.NoError(t, err)
	defer l.Close()
	_, err = l.Begin(context.Background(), Run{ID: "01J8ZQ4T6M5X4C3V2B1N0M9K9J"})
	require.ErrorIs(t, err, ErrBusy)
	require.ErrorContains(t, err, fmt.Sprintf("(process %d)", cmd.Process.Pid))

	patient, err := Open(context.Background(), path, Options{})
	require.NoError(t, err)
	defer patient.Close()
	go func() { // the other goes on writing
		for out.Scan() {
		}
	}()
	for i := range 30 {
		found, err := patient.Findings(context.Background(), Filter{}, "")
		require.NoError(t, err)
		require.NotEmpty(t, found)
		err = patient.Acknowledge(context.Background(), found[i%len(found)].ID, Action{Who: "joost"})
		require.False(t, errors.Is(err, ErrBusy), "a person waits, and is not refused")
		require.NoError(t, err)
	}
}
