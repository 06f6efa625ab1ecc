package ledger

import (
	"context"
	"database/sql"
	"fmt"
	"net/url"
	"strconv"
	"time"

	_ "modernc.org/sqlite" // the driver "sqlite"
)

// applicationID marks a SQLite file as ours: "NSch", at offset 68 of the file (https://www.sqlite.org/fileformat2.html).
const applicationID = 0x4e536368

// Options are the settings of a ledger. The zero value is good.
type Options struct {
	// Clock is the time for what has none of its own, such as a dismissal; default time.Now.
	Clock func() time.Time
	// Wait is how long to wait for another process that writes, before ErrBusy; default 10s.
	Wait time.Duration
	// EvidenceBytes bounds the evidence of one host and run before compression, default 64 KiB, at least 16 KiB.
	EvidenceBytes int
}

func (o *Options) defaults() {
	if o.Clock == nil {
		o.Clock = time.Now
	}
	if o.Wait <= 0 {
		o.Wait = 10 * time.Second
	}
	if o.EvidenceBytes == 0 {
		o.EvidenceBytes = 64 << 10
	}
	o.EvidenceBytes = max(o.EvidenceBytes, 16<<10)
}

// Ledger is an open ledger. Its methods may be called by several goroutines, and several processes may have the same
// ledger open: one that finds another writing waits for Options.Wait and is then refused with ErrBusy.
type Ledger struct {
	path string
	opts Options
	db   *sql.DB
}

// Path is the file of the ledger.
func (l *Ledger) Path() string { return l.path }

// Close closes the file. A run that is being written must have been finished or closed before.
func (l *Ledger) Close() error { return l.fault("close", l.db.Close()) }

// Check reads the whole file and tells what is wrong with it; the error wraps ErrDamaged. It takes seconds per GiB.
func (l *Ledger) Check(ctx context.Context) error {
	var verdict string
	if err := l.db.QueryRowContext(ctx, "PRAGMA integrity_check(1)").Scan(&verdict); err != nil {
		return l.fault("check", err)
	}
	if verdict != "ok" {
		return fmt.Errorf("ledger %s: check: %w: %s: restore a backup, or save what there is with: sqlite3 FILE .recover", l.path, ErrDamaged, verdict)
	}
	rows, err := l.db.QueryContext(ctx, "PRAGMA foreign_key_check")
	if err != nil {
		return l.fault("check", err)
	}
	defer rows.Close()
	if rows.Next() {
		return fmt.Errorf("ledger %s: check: %w: rows refer to rows that are not there", l.path, ErrDamaged)
	}
	return l.fault("check", rows.Err())
}

// connect opens a pool on an existing file. Every connection waits for others, syncs each commit to the disk, and
// overwrites what it deletes.
func connect(path string, wait time.Duration) (*sql.DB, error) {
	q := url.Values{"mode": {"rw"}, "_txlock": {"immediate"}, "_defensive": {"1"}, "_dqs": {"0"}, "_error_rc": {"1"},
		"_pragma": {"busy_timeout(" + strconv.FormatInt(wait.Milliseconds(), 10) + ")", "synchronous(FULL)", "foreign_keys(ON)",
			"secure_delete(ON)", "trusted_schema(OFF)", "cell_size_check(ON)"}}
	db, err := sql.Open("sqlite", fileURI(path, q))
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(4)
	db.SetConnMaxIdleTime(time.Minute)
	return db, nil
}

// fileURI is the path as SQLite's URI, whatever letters it has (https://www.sqlite.org/uri.html).
func fileURI(path string, q url.Values) string {
	return "file:" + (&url.URL{Path: path}).EscapedPath() + "?" + q.Encode()
}

// write runs do in one transaction that is the only writing one.
func (l *Ledger) write(ctx context.Context, what string, do func(*sql.Tx) error) error {
	return l.fault(what, inTx(ctx, l.db, nil, do))
}

// read runs do on one unchanging state of the ledger.
func (l *Ledger) read(ctx context.Context, what string, do func(*sql.Tx) error) error {
	return l.fault(what, inTx(ctx, l.db, &sql.TxOptions{ReadOnly: true}, do))
}

func inTx(ctx context.Context, db *sql.DB, opts *sql.TxOptions, do func(*sql.Tx) error) error {
	tx, err := db.BeginTx(ctx, opts)
	if err != nil {
		return err
	}
	if err := do(tx); err != nil {
		_ = tx.Rollback() // fails when SQLite did so itself, as on a full disk; nothing of the transaction stays either way
		return err
	}
	return tx.Commit()
}
