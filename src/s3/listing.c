/*
 * What the pages of all listings share: how they are asked for, and what they say of each entry.
 */
#include "base/codec.h"
#include "s3/internal.h"

#include <string.h>

/* ---- the question ---- */

const char *s3_parameter_or_empty(const struct s3_call *call, const char *name) {
    const char *value = s3_parameter(call, name);
    return value ? value : "";
}

bool s3_read_count(const struct s3_call *call, const char *name, uint64_t *ret, struct error *err) {
    const char *text = s3_parameter_or_empty(call, name);
    if (text[0] == '\0' || str_to_u64(str_c(text), INT32_MAX, ret))
        return true;
    return error_set(err, ERROR_INVALID, "InvalidArgument",
                     "Argument %s must be an integer between 0 and 2147483647", name);
}

bool s3_read_page_size(const struct s3_call *call, const char *name, uint64_t *ret,
                       struct error *err) {
    *ret = S3_PAGE_ENTRIES;
    if (!s3_read_count(call, name, ret, err))
        return false;
    if (*ret > S3_PAGE_ENTRIES)
        *ret = S3_PAGE_ENTRIES;
    return true;
}

bool s3_read_encoding(const struct s3_call *call, bool *ret_encoded, struct error *err) {
    const char *encoding = s3_parameter_or_empty(call, "encoding-type");
    *ret_encoded = strcmp(encoding, "url") == 0;
    if (encoding[0] != '\0' && !*ret_encoded)
        return error_set(err, ERROR_INVALID, "InvalidArgument",
                         "Invalid Encoding Method specified in Request");
    return true;
}

/* ---- the answer ---- */

void s3_write_name(struct xml_writer *w, bool encoded, const char *element, const char *name) {
    xml_text(w, element, encoded ? percent_encode(w->arena, str_c(name), true) : name);
}

void s3_write_identity(struct xml_writer *w) {
    xml_raw(w, "<ID>tachyscope</ID><DisplayName>tachyscope</DisplayName>");
}

void s3_write_owner(struct xml_writer *w, const char *element) {
    xml_open(w, element);
    s3_write_identity(w);
    xml_close(w, element);
}

void s3_write_checksum_kind(struct xml_writer *w, const struct object_checksum *sum) {
    if (sum->kind == CHECKSUM_NONE)
        return;
    xml_text(w, "ChecksumAlgorithm", checksum_name(sum->kind));
    xml_text(w, "ChecksumType", checksum_type_name(sum->type));
}
