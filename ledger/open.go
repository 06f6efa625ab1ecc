package ledger

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"

	sqlite3 "modernc.org/sqlite/lib"
)

// Open opens the ledger at path, and makes it, readable by its owner only, when there is none. The folder must exist.
// A ledger of an older netschouw is brought up to date after a copy was put beside it. One of a newer netschouw, and a
// file that is no ledger, are refused and not touched: ErrNewer, ErrForeign; what cannot be read is ErrDamaged.
func Open(ctx context.Context, path string, opts Options) (*Ledger, error) {
	all, err := steps(embedded)
	if err != nil {
		return nil, err
	}
	return open(ctx, path, opts, all)
}

func open(ctx context.Context, path string, opts Options, all []string) (*Ledger, error) {
	opts.defaults()
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	l := &Ledger{path: path, opts: opts}
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		if err := l.create(ctx, all); err != nil {
			return nil, err
		}
	}
	if err := l.examine(ctx, len(all)); err != nil {
		return nil, err
	}
	if l.db, err = connect(path, opts.Wait); err != nil {
		return nil, l.fault("open", err)
	}
	if err := l.upgrade(ctx, all); err != nil {
		_ = l.db.Close()
		return nil, err
	}
	return l, nil
}

// create makes a whole ledger under another name first, so that path never holds half of one.
func (l *Ledger) create(ctx context.Context, all []string) (err error) {
	k, err := acquire(ctx, l.path, l.opts.Wait)
	if err != nil {
		return err
	}
	defer k.release()
	if _, err := os.Stat(l.path); !errors.Is(err, fs.ErrNotExist) {
		return nil // another process was faster
	}
	temp, err := os.CreateTemp(filepath.Dir(l.path), "."+filepath.Base(l.path)+".new-*") // made 0600
	if err != nil {
		return fmt.Errorf("ledger %s: create: %w: give a file in a folder that you may write to", l.path, err)
	}
	_ = temp.Close()
	defer os.Remove(temp.Name()) //nolint:errcheck // renamed when all went well
	if err := build(ctx, temp.Name(), l, all); err != nil {
		return l.fault("create", err)
	}
	if err := os.Rename(temp.Name(), l.path); err != nil {
		return fmt.Errorf("ledger %s: create: %w", l.path, err)
	}
	return syncDir(filepath.Dir(l.path))
}

// build makes an empty ledger in an empty file. Its first page bears our mark before there is a write-ahead log.
func build(ctx context.Context, path string, l *Ledger, all []string) error {
	db, err := connect(path, l.opts.Wait)
	if err != nil {
		return err
	}
	defer db.Close()
	db.SetMaxOpenConns(1)
	for _, pragma := range []string{"auto_vacuum = INCREMENTAL", fmt.Sprintf("application_id = %d", applicationID)} {
		if _, err := db.ExecContext(ctx, "PRAGMA "+pragma); err != nil {
			return err
		}
	}
	if err := migrate(ctx, db, all); err != nil {
		return err
	}
	if _, err := db.ExecContext(ctx, "PRAGMA journal_mode = WAL"); err != nil {
		return err
	}
	return db.Close()
}

// examine looks whose file it is without changing anything.
func (l *Ledger) examine(ctx context.Context, latest int) error {
	info, err := os.Stat(l.path)
	switch {
	case err != nil:
		return fmt.Errorf("ledger: %w", err)
	case !info.Mode().IsRegular():
		return fmt.Errorf("ledger %s: %w: it is no regular file: give another one", l.path, ErrForeign)
	case info.Size() == 0:
		return fmt.Errorf("ledger %s: %w: it is empty: remove it, and a new one is made", l.path, ErrForeign)
	}
	id, version, err := marks(ctx, l.path, url.Values{"mode": {"ro"}, "immutable": {"1"}}) // takes no lock, reads no log
	if wal, missing := os.Stat(l.path + "-wal"); codeOf(err) == sqlite3.SQLITE_CORRUPT && missing == nil && wal.Size() > 0 {
		// Without its log a ledger whose process was killed may look as if its end were missing.
		id, version, err = marks(ctx, l.path, url.Values{"mode": {"ro"}})
	}
	switch {
	case codeOf(err) == sqlite3.SQLITE_NOTADB:
		return fmt.Errorf("ledger %s: %w (%w): give another file, or restore a backup", l.path, ErrForeign, err)
	case err != nil:
		return l.fault("open", err)
	case id != applicationID:
		return fmt.Errorf("ledger %s: %w but a database of another program: give another file", l.path, ErrForeign)
	}
	return l.notNewer(version, latest)
}

// marks reads whose database it is, and its schema.
func marks(ctx context.Context, path string, how url.Values) (id, version int, err error) {
	how.Set("_error_rc", "1")
	db, err := sql.Open("sqlite", fileURI(path, how))
	if err != nil {
		return 0, 0, err
	}
	defer db.Close()
	if err := db.QueryRowContext(ctx, "PRAGMA application_id").Scan(&id); err != nil {
		return 0, 0, err
	}
	version, err = schemaOf(ctx, db)
	return id, version, err
}

func (l *Ledger) notNewer(version, latest int) error {
	if version <= latest {
		return nil
	}
	return fmt.Errorf("ledger %s: %w: its schema is %d and this one knows up to %d: use that netschouw, or the backup from before the upgrade",
		l.path, ErrNewer, version, latest)
}

// upgrade brings an older ledger up to date.
func (l *Ledger) upgrade(ctx context.Context, all []string) error {
	version, err := schemaOf(ctx, l.db)
	if err == nil {
		_, err = l.db.ExecContext(ctx, "SELECT count(*) FROM sqlite_schema") // notices a file that ends too early
	}
	if err != nil {
		return l.fault("open", err)
	}
	if version >= len(all) {
		return l.notNewer(version, len(all))
	}
	k, err := acquire(ctx, l.path, l.opts.Wait)
	if err != nil {
		return err
	}
	defer k.release()
	if version, err = schemaOf(ctx, l.db); err != nil || version >= len(all) { // another process may have been faster
		return l.fault("open", err)
	}
	if err := l.Check(ctx); err != nil {
		return err
	}
	if _, err := backup(ctx, l.db, l.path, version, l.opts.Clock()); err != nil {
		return l.fault("backup before the upgrade", err)
	}
	return l.fault("upgrade", migrate(ctx, l.db, all))
}
