package probe

// MongoDB is what a MongoDB server answers to hello and buildInfo; never database names or data.
type MongoDB struct {
	MaxWireVersion int    `json:"max_wire_version" expr:"max_wire_version"`
	Version        string `json:"version" expr:"version"`         // from buildInfo; "" when it was refused
	ReplicaSet     string `json:"replica_set" expr:"replica_set"` // setName; "" outside a replica set
	Primary        *bool  `json:"primary" expr:"primary"`         // isWritablePrimary or ismaster; nil when not told
	Kind           string `json:"kind" expr:"kind"`               // "mongod", or "mongos" (msg "isdbgrid")
	Host           string `json:"host" expr:"host"`               // "me" of a replica-set member, without port
}

func newMongoDB() Details { return new(MongoDB) }

// Protocol implements Details.
func (*MongoDB) Protocol() string { return "mongodb" }

// Names implements Details.
func (d *MongoDB) Names() []Name { return nil }

// Summary implements Details.
func (d *MongoDB) Summary() string { return "MongoDB " + d.Version }

func isMongoDB(first []byte) bool { return false }

func askMongoDB(s *Session) (Details, error) { return nil, nil }
