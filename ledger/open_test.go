package ledger

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestOpenRefuses is what may stand where a ledger is expected. None of it may change by a byte.
func TestOpenRefuses(t *testing.T) {
	whole := filled(t)
	for name, c := range map[string]struct {
		file func(t *testing.T) []byte
		is   error
		says string
	}{
		"text":               {func(*testing.T) []byte { return []byte(strings.Repeat("schouw\n", 1000)) }, ErrForeign, "give another file"},
		"short text":         {func(*testing.T) []byte { return []byte("x") }, ErrForeign, "give another file"},
		"empty":              {func(*testing.T) []byte { return []byte{} }, ErrForeign, "it is empty: remove it"},
		"zeros":              {func(*testing.T) []byte { return make([]byte, 8192) }, ErrForeign, "give another file"},
		"other program":      {otherProgram, ErrForeign, "a database of another program"},
		"no mark":            {func(*testing.T) []byte { return patched(whole, 68, 0, 0, 0, 0) }, ErrForeign, "another program"},
		"newer":              {func(*testing.T) []byte { return patched(whole, 60, 0, 0, 0, 99) }, ErrNewer, "its schema is 99 and this one knows up to 4"},
		"first page only":    {func(*testing.T) []byte { return whole[:4096] }, ErrDamaged, "restore a backup"},
		"half":               {func(*testing.T) []byte { return whole[:len(whole)/2/4096*4096] }, ErrDamaged, "restore a backup"},
		"schema overwritten": {func(*testing.T) []byte { return patched(whole, 100, []byte(strings.Repeat("\xff", 2000))...) }, ErrDamaged, "restore a backup"},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "ledger.db")
			body := c.file(t)
			require.NoError(t, os.WriteFile(path, body, 0o600))
			_, err := Open(context.Background(), path, Options{})
			require.ErrorIs(t, err, c.is)
			require.ErrorContains(t, err, path)
			require.ErrorContains(t, err, c.says)
			after, err := os.ReadFile(path)
			require.NoError(t, err)
			require.Equal(t, sha256.Sum256(body), sha256.Sum256(after), "it was touched")
			names, err := os.ReadDir(filepath.Dir(path))
			require.NoError(t, err)
			require.Len(t, names, 1, "nothing is left beside it")
		})
	}
}

// TestDamageInside is found when it is met, and by Check; and is not made worse.
func TestDamageInside(t *testing.T) {
	whole := filled(t)
	for page := 2; page < len(whole)/4096; page += 3 { // whichever table that is
		path := filepath.Join(t.TempDir(), "ledger.db")
		body := patched(whole, page*4096, []byte(strings.Repeat("\xa5\x00\xff", 1365))...)
		require.NoError(t, os.WriteFile(path, body, 0o600))
		l, err := Open(context.Background(), path, Options{})
		if err == nil {
			err = l.Check(context.Background())
			require.NoError(t, l.Close())
		}
		require.ErrorIs(t, err, ErrDamaged, "page %d", page)
		after, err := os.ReadFile(path)
		require.NoError(t, err)
		require.Equal(t, sha256.Sum256(body), sha256.Sum256(after), "page %d was touched", page)
	}
}

// filled is a closed ledger with some runs, as bytes.
func filled(t *testing.T) []byte {
	d := newDesk(t)
	for range 3 {
		d.sweep(host(a1, "C1", "mail"), host(a2, "C2", "mail", "store", "panel"))
	}
	_, err := d.db.Exec("PRAGMA wal_checkpoint(TRUNCATE)")
	require.NoError(t, err)
	body, err := os.ReadFile(d.Path())
	require.NoError(t, err)
	return body
}

func patched(body []byte, at int, with ...byte) []byte {
	body = append([]byte(nil), body...)
	copy(body[at:], with)
	return body
}

func otherProgram(t *testing.T) []byte {
	path := filepath.Join(t.TempDir(), "other.db")
	db, err := sql.Open("sqlite", path)
	require.NoError(t, err)
	_, err = db.Exec("CREATE TABLE runs (id INTEGER); PRAGMA user_version = 1")
	require.NoError(t, err)
	require.NoError(t, db.Close())
	body, err := os.ReadFile(path)
	require.NoError(t, err)
	return body
}

func TestOpenWhereItCannot(t *testing.T) {
	dir := t.TempDir()
	for path, says := range map[string]string{
		filepath.Join(dir, "missing", "ledger.db"): "folder that you may write to",
		dir: "no regular file",
	} {
		_, err := Open(context.Background(), path, Options{})
		require.ErrorContains(t, err, says)
	}
}

// TestUpgrade brings a ledger of every earlier schema up to date, with a copy of it beside.
func TestUpgrade(t *testing.T) {
	all, err := steps(embedded)
	require.NoError(t, err)
	ctx := context.Background()
	for older := 1; older < len(all); older++ {
		c := newClock()
		path := filepath.Join(t.TempDir(), "ledger.db")
		l, err := open(ctx, path, Options{Clock: c.time}, all[:older])
		require.NoError(t, err)
		_, err = l.db.Exec(`INSERT INTO runs (ulid, started_at, state, config_hash, packs, prior, seed, ranges, ports, version)
			VALUES ('01J8ZQ4T6M5X4C3V2B1N0M9K8J', '2026-01-02T03:04:05.000Z', 'complete', '', '[]', 0.1, '1', '[]', '', '')`)
		require.NoError(t, err)
		require.NoError(t, l.Close())

		l, err = Open(ctx, path, Options{Clock: c.time})
		require.NoError(t, err)
		version, err := schemaOf(ctx, l.db)
		require.NoError(t, err)
		require.Equal(t, len(all), version)
		runs, err := l.Runs(ctx)
		require.NoError(t, err)
		require.Len(t, runs, 1)
		require.NoError(t, l.Check(ctx))
		require.NoError(t, l.Close())

		copies, err := filepath.Glob(path + ".*.bak")
		require.NoError(t, err)
		require.Equal(t, []string{fmt.Sprintf("%s.schema%d-20260102T030000Z.bak", path, older)}, copies)
		info, err := os.Stat(copies[0])
		require.NoError(t, err)
		require.Equal(t, fs.FileMode(0o600), info.Mode().Perm())
		l, err = open(ctx, copies[0], Options{Clock: c.time}, all[:older])
		require.NoError(t, err, "the copy is a sound ledger of the older schema")
		require.NoError(t, l.Check(ctx))
		require.NoError(t, l.Close())
	}
}

// TestAnUpgradeThatFails leaves the ledger as the last good step left it, and usable by the older netschouw.
func TestAnUpgradeThatFails(t *testing.T) {
	all, err := steps(embedded)
	require.NoError(t, err)
	ctx := context.Background()
	path := filepath.Join(t.TempDir(), "ledger.db")
	l, err := open(ctx, path, Options{}, all)
	require.NoError(t, err)
	require.NoError(t, l.Close())
	bad := append(all[:len(all):len(all)], "CREATE TABLE half (id INTEGER); CREATE TABLE half (id INTEGER)")
	_, err = open(ctx, path, Options{}, bad)
	require.ErrorContains(t, err, "upgrade: to schema 5")
	l, err = Open(ctx, path, Options{})
	require.NoError(t, err)
	var n int
	require.NoError(t, l.db.QueryRow("SELECT count(*) FROM sqlite_schema WHERE name = 'half'").Scan(&n))
	require.Zero(t, n)
	require.NoError(t, l.Close())
}

func TestEveryConnectionIsSafe(t *testing.T) {
	d := newDesk(t)
	ctx := context.Background()
	for range 4 { // held at the same time, so that they are different ones
		conn, err := d.db.Conn(ctx)
		require.NoError(t, err)
		defer conn.Close()
		for pragma, want := range map[string]string{"journal_mode": "wal", "synchronous": "2", "foreign_keys": "1", "secure_delete": "1",
			"busy_timeout": "5000", "application_id": fmt.Sprint(applicationID), "auto_vacuum": "2", "trusted_schema": "0"} {
			var got string
			require.NoError(t, conn.QueryRowContext(ctx, "PRAGMA "+pragma).Scan(&got))
			require.Equal(t, want, got, pragma)
		}
	}
}

func TestOnlyTheOwnerMayRead(t *testing.T) {
	d := newDesk(t)
	d.sweep(host(a1, "C1", "mail"))
	names, err := os.ReadDir(filepath.Dir(d.Path()))
	require.NoError(t, err)
	require.GreaterOrEqual(t, len(names), 3) // the log and the lock are beside it
	for _, n := range names {
		info, err := n.Info()
		require.NoError(t, err)
		require.Equal(t, fs.FileMode(0o600), info.Mode().Perm(), n.Name())
	}
}

func TestPathsOfAnyLetters(t *testing.T) {
	for _, name := range []string{"a b.db", "50%?.db", "x#y;z.db", "schouwëlijst&mode=memory.db", "ledger"} {
		path := filepath.Join(t.TempDir(), name)
		l, err := Open(context.Background(), path, Options{})
		require.NoError(t, err, name)
		require.NoError(t, l.Close())
		info, err := os.Stat(path)
		require.NoError(t, err, name)
		require.Positive(t, info.Size())
	}
}

// TestManyCreate: whoever opens first makes the ledger, and nobody sees half of one.
func TestManyCreate(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ledger.db")
	var all sync.WaitGroup
	errs := make([]error, 8)
	for i := range errs {
		all.Go(func() {
			l, err := Open(context.Background(), path, Options{})
			if err == nil {
				_, err = l.Runs(context.Background())
				_ = l.Close()
			}
			errs[i] = err
		})
	}
	all.Wait()
	for _, err := range errs {
		require.NoError(t, err)
	}
	names, err := os.ReadDir(filepath.Dir(path))
	require.NoError(t, err)
	for _, n := range names {
		require.False(t, strings.HasPrefix(n.Name(), "."), "%s is left over", n.Name())
	}
}

func TestOneRunAtATime(t *testing.T) {
	d := newDesk(t)
	ctx := context.Background()
	w := d.begin(d.newRun())
	other, err := Open(ctx, d.Path(), Options{Clock: d.clock.time, Wait: 50 * time.Millisecond})
	require.NoError(t, err)
	defer other.Close()
	_, err = other.Begin(ctx, d.newRun())
	require.ErrorIs(t, err, ErrBusy)
	require.ErrorContains(t, err, fmt.Sprintf("(process %d): try again", os.Getpid()))
	_, err = other.Prune(ctx, 0)
	require.ErrorIs(t, err, ErrBusy)

	runs, err := other.Runs(ctx)
	require.NoError(t, err)
	require.Equal(t, Running, runs[0].State)
	require.NoError(t, w.Close())
	runs, err = other.Runs(ctx)
	require.NoError(t, err)
	require.Equal(t, CutOff, runs[0].State, "nobody is left to end it")
	w2, err := other.Begin(ctx, d.newRun())
	require.NoError(t, err)
	runs, err = other.Runs(ctx)
	require.NoError(t, err)
	require.Equal(t, []RunState{Running, CutOff}, []RunState{runs[0].State, runs[1].State})
	require.NoError(t, w2.Close())
}

// TestAKillWhileTheLogIsEmptied: the first page says already how large the file will be, and the end is in the log still.
func TestAKillWhileTheLogIsEmptied(t *testing.T) {
	d := newDesk(t)
	_, err := d.db.Exec("PRAGMA wal_checkpoint(TRUNCATE)")
	require.NoError(t, err)
	small, err := os.ReadFile(d.Path())
	require.NoError(t, err)
	shape := realistic(t)
	for i := range 40 {
		d.sweep(shape(host(address(i), "C1", "mail")))
	}
	wal, err := os.ReadFile(d.Path() + "-wal")
	require.NoError(t, err)
	_, err = d.db.Exec("PRAGMA wal_checkpoint(TRUNCATE)")
	require.NoError(t, err)
	whole, err := os.ReadFile(d.Path())
	require.NoError(t, err)
	require.Greater(t, len(whole), len(small))

	path := filepath.Join(t.TempDir(), "ledger.db")
	require.NoError(t, os.WriteFile(path, append(whole[:4096:4096], small[4096:]...), 0o600))
	require.NoError(t, os.WriteFile(path+"-wal", wal, 0o600))
	l, err := Open(context.Background(), path, Options{})
	require.NoError(t, err)
	defer l.Close()
	require.NoError(t, l.Check(context.Background()))
	found, err := l.Findings(context.Background(), Filter{All: true}, "")
	require.NoError(t, err)
	require.Len(t, found, 40)
}

// TestAWriterIsWaitedFor: another process has the database for a while, or for too long.
func TestAWriterIsWaitedFor(t *testing.T) {
	d := newDesk(t)
	ctx := context.Background()
	d.sweep(host(a1, "C1", "mail"))
	id := d.at(a1).ID
	hasty, err := Open(ctx, d.Path(), Options{Clock: d.clock.time, Wait: 50 * time.Millisecond})
	require.NoError(t, err)
	defer hasty.Close()
	tx, err := d.db.BeginTx(ctx, nil)
	require.NoError(t, err)
	err = hasty.Acknowledge(ctx, id, Action{Who: "joost"})
	require.ErrorIs(t, err, ErrBusy)
	require.ErrorContains(t, err, "another process is writing; try again")
	_, err = hasty.Findings(ctx, Filter{}, "")
	require.NoError(t, err, "readers do not wait for writers")

	patient := make(chan error)
	go func() { patient <- d.Acknowledge(ctx, id, Action{Who: "joost"}) }()
	require.Never(t, func() bool {
		select {
		case <-patient:
			return true
		default:
			return false
		}
	}, 50*time.Millisecond, 10*time.Millisecond)
	require.NoError(t, tx.Commit())
	require.NoError(t, <-patient)
}
