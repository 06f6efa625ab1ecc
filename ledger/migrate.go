package ledger

import (
	"context"
	"database/sql"
	"embed"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"
)

//go:embed migrations/*.sql
var embedded embed.FS

// steps are the migrations in order, as SQL; step i leads from schema i to i+1. Their names begin with their number.
func steps(from fs.FS) ([]string, error) {
	names, err := fs.Glob(from, "migrations/*.sql") // sorted
	if err != nil {
		return nil, err
	}
	var all []string
	for i, name := range names {
		if !strings.HasPrefix(filepath.Base(name), fmt.Sprintf("%04d_", i+1)) {
			return nil, fmt.Errorf("migration %s is not number %d", name, i+1)
		}
		body, err := fs.ReadFile(from, name)
		if err != nil {
			return nil, err
		}
		all = append(all, string(body))
	}
	return all, nil
}

// migrate brings a database from its schema to the latest, each step in a transaction of its own, so that whatever
// happens it stands between two steps.
func migrate(ctx context.Context, db *sql.DB, all []string) error {
	version, err := schemaOf(ctx, db)
	for ; err == nil && version < len(all); version++ {
		err = inTx(ctx, db, nil, func(tx *sql.Tx) error {
			if _, err := tx.ExecContext(ctx, all[version]); err != nil {
				return fmt.Errorf("to schema %d: %w", version+1, err)
			}
			_, err := tx.ExecContext(ctx, fmt.Sprintf("PRAGMA user_version = %d", version+1))
			return err
		})
	}
	return err
}

func schemaOf(ctx context.Context, db *sql.DB) (version int, err error) {
	err = db.QueryRowContext(ctx, "PRAGMA user_version").Scan(&version)
	return version, err
}

// backup writes a sound copy beside the ledger and returns its name. It exists as a whole or not at all.
func backup(ctx context.Context, db *sql.DB, path string, version int, now time.Time) (string, error) {
	name := fmt.Sprintf("%s.schema%d-%s.bak", path, version, now.UTC().Format("20060102T150405Z"))
	temp, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".bak-*") // made 0600
	if err != nil {
		return "", err
	}
	defer os.Remove(temp.Name()) //nolint:errcheck // gone already when all went well
	defer temp.Close()
	if _, err := db.ExecContext(ctx, "VACUUM INTO ?", temp.Name()); err != nil {
		return "", err
	}
	if err := temp.Sync(); err != nil { // SQLite does not
		return "", err
	}
	if err := os.Link(temp.Name(), name); err != nil { // unlike renaming, it never overwrites an earlier backup
		return "", err
	}
	return name, syncDir(filepath.Dir(path))
}

// syncDir makes new names last. Some file systems cannot sync a folder; names are then as lasting as they make them.
func syncDir(dir string) error {
	d, err := os.Open(dir) //nolint:gosec // the operator's own path
	if err != nil {
		return err
	}
	_ = d.Sync()
	return d.Close()
}
