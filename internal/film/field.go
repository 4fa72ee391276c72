package film

import "encoding/binary"

// fieldBits is the length of the machine-readable field: index (32 bits), wall clock in
// milliseconds since 1970 (48 bits) and the CRC of both (16 bits), each from its highest bit on.
const fieldBits = 96

// field returns what a picture's machine-readable field holds.
func (p Picture) field() [fieldBits / 8]byte {
	var b [fieldBits / 8]byte
	binary.BigEndian.PutUint32(b[0:], p.Index)
	ms := uint64(p.Time.UnixMilli())
	binary.BigEndian.PutUint16(b[4:], uint16(ms>>32))
	binary.BigEndian.PutUint32(b[6:], uint32(ms))
	binary.BigEndian.PutUint16(b[10:], crc16(b[:10]))
	return b
}

// crc16 is CRC-16/CCITT-FALSE: polynomial 0x1021, starting from 0xffff, nothing reflected.
func crc16(b []byte) uint16 {
	crc := uint16(0xffff)
	for _, v := range b {
		crc ^= uint16(v) << 8
		for range 8 {
			carry := crc >> 15
			crc = crc<<1 ^ carry*0x1021
		}
	}
	return crc
}
