package ledger

import (
	"context"
	"errors"
	"fmt"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// Errors of this package wrap one of these where the caller can do something about it; each message ends in a remedy.
var (
	// ErrForeign: the file is no ledger. It was not touched.
	ErrForeign = errors.New("is not a ledger of netschouw")
	// ErrDamaged: the file was a ledger once.
	ErrDamaged = errors.New("the ledger is damaged")
	// ErrNewer: a later netschouw has written it. It was not touched.
	ErrNewer = errors.New("the ledger is of a newer netschouw")
	// ErrBusy: another process uses the ledger and went on using it while this one waited.
	ErrBusy = errors.New("the ledger is in use")
	// ErrFull: the disk, or a quota, is full. Everything that was stored before is still there.
	ErrFull = errors.New("the disk of the ledger is full")
	// ErrNotFound: no such run, finding or evidence.
	ErrNotFound = errors.New("not in the ledger")
)

// fault words an error of SQLite for people: which ledger, what failed, and what to do.
func (l *Ledger) fault(what string, err error) error { return explain(l.path, what, err) }

func explain(path, what string, err error) error {
	var fail *sqlite.Error
	switch {
	case err == nil:
		return nil
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return err
	case !errors.As(err, &fail):
		return fmt.Errorf("ledger %s: %s: %w", path, what, err)
	}
	kind, remedy := error(nil), "see whether the disk and the folder are in order"
	switch codeOf(err) {
	case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED:
		kind, remedy = ErrBusy, "another process is writing; try again when it has ended"
	case sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB:
		kind, remedy = ErrDamaged, "restore a backup, or save what there is with: sqlite3 FILE .recover"
	case sqlite3.SQLITE_FULL:
		kind, remedy = ErrFull, "make room; nothing that was stored is lost"
	case sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM:
		remedy = "give a file in a folder that you may write to"
	}
	if kind != nil {
		return fmt.Errorf("ledger %s: %s: %w (%w): %s", path, what, kind, err, remedy)
	}
	return fmt.Errorf("ledger %s: %s: %w: %s", path, what, err, remedy)
}

// codeOf is SQLite's primary result code (https://www.sqlite.org/rescode.html); 0 when the error is none of SQLite's.
func codeOf(err error) int {
	var fail *sqlite.Error
	if !errors.As(err, &fail) {
		return 0
	}
	return fail.Code() & 0xff
}
