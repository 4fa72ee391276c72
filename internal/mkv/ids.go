package mkv

// IDs of elements, marker bits included (RFC 8794, 11 and RFC 9559, 5).
const (
	idEBML               = 0x1A45DFA3
	idReadVersion        = 0x42F7
	idMaxIDLength        = 0x42F2
	idMaxSizeLength      = 0x42F3
	idDocType            = 0x4282
	idDocTypeVersion     = 0x4287
	idDocTypeReadVersion = 0x4285
	idVersion            = 0x4286
	idVoid               = 0xEC
	idCRC32              = 0xBF

	idSegment     = 0x18538067
	idSeekHead    = 0x114D9B74
	idInfo        = 0x1549A966
	idTracks      = 0x1654AE6B
	idCluster     = 0x1F43B675
	idCues        = 0x1C53BB6B
	idChapters    = 0x1043A770
	idAttachments = 0x1941A469
	idTags        = 0x1254C367

	idTimestampScale = 0x2AD7B1

	idTrackEntry          = 0xAE
	idTrackNumber         = 0xD7
	idTrackUID            = 0x73C5
	idTrackType           = 0x83
	idName                = 0x536E
	idLanguage            = 0x22B59C
	idCodecID             = 0x86
	idCodecPrivate        = 0x63A2
	idDefaultDuration     = 0x23E383
	idTrackTimestampScale = 0x23314F
	idContentEncodings    = 0x6D80
	idContentEncoding     = 0x6240
	idVideo               = 0xE0
	idPixelWidth          = 0xB0
	idPixelHeight         = 0xBA
	idAudio               = 0xE1
	idSamplingFrequency   = 0xB5
	idChannels            = 0x9F
	idBitDepth            = 0x6264

	idTimestamp      = 0xE7
	idPosition       = 0xA7
	idPrevSize       = 0xAB
	idSilentTracks   = 0x5854
	idSimpleBlock    = 0xA3
	idBlockGroup     = 0xA0
	idBlock          = 0xA1
	idReferenceBlock = 0xFB
	idEncryptedBlock = 0xAF

	idTag       = 0x7373
	idTargets   = 0x63C0
	idSimpleTag = 0x67C8
	idTagName   = 0x45A3
	idTagString = 0x4487
)
