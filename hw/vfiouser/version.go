package vfiouser

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
)

// capabilities are what both sides tell of themselves ("VFIO_USER_VERSION").
type capabilities struct {
	MaxFDs      int   `json:"max_msg_fds,omitempty"`
	MaxTransfer int   `json:"max_data_xfer_size,omitempty"`
	MaxMaps     int   `json:"max_dma_maps,omitempty"`
	PageSizes   int64 `json:"pgsizes,omitempty"`
	WriteMulti  bool  `json:"write_multiple,omitempty"`
}

// peerVersion is the payload of VERSION.
type peerVersion struct {
	major, minor uint16
	caps         capabilities
	bare         bool // without capabilities, as SPDK's initiator sends it
}

func decodeVersion(p []byte) (v peerVersion, err error) {
	v.major, v.minor = binary.LittleEndian.Uint16(p), binary.LittleEndian.Uint16(p[2:])
	v.caps = capabilities{MaxFDs: 1, MaxTransfer: maxTransfer}
	text := bytes.TrimRight(p[4:], "\x00")
	if v.bare = len(text) == 0; v.bare {
		return v, nil
	}
	var doc struct {
		Capabilities *capabilities `json:"capabilities"`
	}
	doc.Capabilities = &v.caps
	if err := json.Unmarshal(text, &doc); err != nil {
		return v, fmt.Errorf("vfio-user: VERSION: capabilities: %w", err)
	}
	if v.caps.MaxFDs < 0 || v.caps.MaxTransfer <= 0 {
		return v, fmt.Errorf("vfio-user: VERSION: max_msg_fds %d, max_data_xfer_size %d",
			v.caps.MaxFDs, v.caps.MaxTransfer)
	}
	v.caps.MaxTransfer = min(v.caps.MaxTransfer, maxTransfer)
	return v, nil
}

// encode writes the version with its capabilities, if they fit into room bytes: QEMU takes no reply
// that is longer than its question.
func (v peerVersion) encode(room int) []byte {
	p := binary.LittleEndian.AppendUint16(nil, v.major)
	p = binary.LittleEndian.AppendUint16(p, v.minor)
	text, err := json.Marshal(map[string]capabilities{"capabilities": v.caps})
	if v.bare || err != nil || len(p)+len(text)+1 > room {
		return p
	}
	return append(append(p, text...), 0)
}
