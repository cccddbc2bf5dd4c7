/* SPDX-License-Identifier: MIT */
#include "store/flow_segment.h"

#include <stdlib.h>
#include <zdict.h>
#include <zstd.h>

#include "base/buf.h"

#define LEVEL 6 /* more takes several times as long for some hundredths of the bytes */

struct flow_codec {
    ZSTD_CCtx *compressor;
    ZSTD_DCtx *expander;
    struct buf pack;  /* to compress */
    uint8_t *scratch; /* what came of it, or of expanding */
    size_t scratch_bytes;
};

size_t flow_dictionary_make(const struct buf *samples, const size_t *lengths, size_t count,
                            uint8_t ret[FLOW_DICTIONARY_BYTES_MAX])
{
    size_t length = ZDICT_trainFromBuffer(ret, FLOW_DICTIONARY_BYTES_MAX, samples->bytes, lengths,
                                          (unsigned)count);

    return ZDICT_isError(length) ? 0 : length;
}

/* A frame has a checksum, for SQLite has none of its own; its dictionary is the file's, and has no
 * need of a number. */
static bool configure(struct flow_codec *codec, const uint8_t *dictionary, size_t length)
{
    ZSTD_CCtx *compressor = codec->compressor;

    return !ZSTD_isError(ZSTD_CCtx_setParameter(compressor, ZSTD_c_compressionLevel, LEVEL)) &&
           !ZSTD_isError(ZSTD_CCtx_setParameter(compressor, ZSTD_c_checksumFlag, 1)) &&
           !ZSTD_isError(ZSTD_CCtx_setParameter(compressor, ZSTD_c_dictIDFlag, 0)) &&
           !ZSTD_isError(ZSTD_CCtx_loadDictionary(compressor, dictionary, length)) &&
           !ZSTD_isError(ZSTD_DCtx_loadDictionary(codec->expander, dictionary, length));
}

void flow_codec_free(struct flow_codec *codec)
{
    if (codec == NULL) {
        return;
    }
    ZSTD_freeCCtx(codec->compressor);
    ZSTD_freeDCtx(codec->expander);
    buf_deinit(&codec->pack);
    free(codec->scratch);
    free(codec);
}

enum picket_status flow_codec_new(const uint8_t *dictionary, size_t length, struct flow_codec **ret)
{
    struct flow_codec *codec = calloc(1, sizeof(*codec));
    enum picket_status status = PICKET_E_NOMEM;

    if (codec == NULL) {
        return PICKET_E_NOMEM;
    }
    buf_init(&codec->pack, FLOW_PACK_BYTES_MAX);
    codec->compressor = ZSTD_createCCtx();
    codec->expander = ZSTD_createDCtx();
    if (codec->compressor != NULL && codec->expander != NULL) {
        status = configure(codec, dictionary, length) ? PICKET_OK : PICKET_E_MALFORMED;
    }
    if (status == PICKET_OK) {
        *ret = codec;
        codec = NULL; /* moved */
    }
    flow_codec_free(codec);
    return status;
}

/* False if memory is out. */
static bool make_room(struct flow_codec *codec, size_t bytes)
{
    uint8_t *grown;

    if (bytes <= codec->scratch_bytes) {
        return true;
    }
    grown = realloc(codec->scratch, bytes);
    if (grown == NULL) {
        return false;
    }
    codec->scratch = grown;
    codec->scratch_bytes = bytes;
    return true;
}

void flow_segment_write(struct flow_codec *codec, struct buf *out,
                        const struct flow_report *reports, size_t count)
{
    struct buf *pack = &codec->pack;
    size_t length = 0;

    pack->length = 0; /* its memory is used again */
    flow_pack_write(pack, reports, count);
    if (pack->is_failed || !make_room(codec, ZSTD_compressBound(pack->length))) {
        out->is_failed = true;
        return;
    }
    length = ZSTD_compress2(codec->compressor, codec->scratch, codec->scratch_bytes, pack->bytes,
                            pack->length);
    if (ZSTD_isError(length)) {
        out->is_failed = true;
        return;
    }
    buf_add(out, codec->scratch, length);
}

enum picket_status flow_segment_read(struct flow_codec *codec, const uint8_t *bytes, size_t length,
                                     struct arena *arena, const struct flow_report **ret,
                                     size_t *ret_count)
{
    /* what is no frame, and one that does not say, are more than any maximum */
    unsigned long long pack_bytes = ZSTD_getFrameContentSize(bytes, length);
    size_t expanded;

    if (pack_bytes > FLOW_PACK_BYTES_MAX) {
        return PICKET_E_MALFORMED;
    }
    if (!make_room(codec, (size_t)pack_bytes)) {
        return PICKET_E_NOMEM;
    }
    expanded =
        ZSTD_decompressDCtx(codec->expander, codec->scratch, (size_t)pack_bytes, bytes, length);
    if (ZSTD_isError(expanded)) {
        return PICKET_E_MALFORMED;
    }
    return flow_pack_read(codec->scratch, expanded, arena, ret, ret_count);
}
