/*
 * From an error to S3's error document. Status and wording are in s3/codes.c; errors that carry no
 * code get the one that fits their kind.
 */
#include "base/codec.h"
#include "s3/codes.h"
#include "s3/internal.h"

#include <string.h>

static const struct s3_code *find_code(const struct error *err) {
    const char *code = err->code;
    /* The store's word for a full disk; so are the errors of the operating system. */
    if (err->kind == ERROR_LIMIT && (!code || strcmp(code, "InternalError") == 0))
        code = "InsufficientStorage";
    const struct s3_code *known = code ? s3_code_find(str_c(code)) : NULL;
    if (known)
        return known;
    switch (err->kind) {
    case ERROR_INVALID:
    case ERROR_LIMIT:
        return s3_code_find(str_c("InvalidRequest"));
    case ERROR_DENIED:
        return s3_code_find(str_c("AccessDenied"));
    case ERROR_NOT_FOUND:
        return s3_code_find(str_c("NoSuchKey"));
    case ERROR_CONFLICT:
        return s3_code_find(str_c("OperationAborted"));
    case ERROR_UNAVAILABLE:
        return s3_code_find(str_c("ServiceUnavailable"));
    case ERROR_INTERNAL:
        break;
    }
    return s3_code_find(str_c("InternalError"));
}

const char *s3_error_code(const struct error *err) {
    return find_code(err)->code;
}

const char *s3_error_message(const struct error *err) {
    const struct s3_code *code = find_code(err);
    return code->message ? code->message : err->text;
}

void s3_error_detail(struct s3_call *call, const char *name, const char *value) {
    call->error_details =
        arena_printf(call->arena, "%s<%s>%s</%s>", call->error_details ? call->error_details : "",
                     name, xml_escape(call->arena, str_c(value)), name);
}

static void write_document(struct s3_call *call, const struct s3_code *code,
                           const struct error *err, struct xml_writer *w) {
    xml_open(w, "Error");
    xml_text(w, "Code", code->code);
    xml_text(w, "Message", code->message ? code->message : err->text);
    if (strcmp(code->code, "NoSuchBucket") == 0)
        xml_text(w, "BucketName", call->bucket);
    if (strcmp(code->code, "NoSuchKey") == 0)
        xml_text(w, "Key", call->key);
    if (call->error_details)
        xml_raw(w, call->error_details);
    xml_text(w, "Resource", call->x->request.path);
    xml_text(w, "RequestId", call->request_id);
    xml_text(w, "HostId", "tachyscope");
    xml_close(w, "Error");
}

void s3_respond_error(struct s3_call *call, const struct error *err) {
    const struct s3_code *code = find_code(err);
    struct http_response *response = &call->x->response;
    struct xml_writer w CLEANUP(xml_writer_clear);
    xml_writer_init(&w, call->arena);
    write_document(call, code, err, &w);
    struct str text = {.ptr = "", .len = 0};
    struct error ignored;
    if (!xml_writer_text(&w, &text, &ignored))
        text = str_c("");
    /* A handler may have begun a response before it failed. Files that it opened go with the
     * response, whose body is set now. */
    response->status = code->status;
    response->headers = (struct http_headers){0};
    response->body = text.ptr;
    response->body_size = strcmp(call->x->request.method, "HEAD") == 0 ? 0 : text.len;
    s3_add_header(call, "Content-Type", "application/xml");
}

bool s3_respond_xml(struct s3_call *call, struct xml_writer *w, struct error *err) {
    struct str text;
    if (!xml_writer_text(w, &text, err))
        return false;
    s3_respond_document(call, text);
    return true;
}

void s3_respond_document(struct s3_call *call, struct str document) {
    call->x->response.status = 200;
    call->x->response.body = document.ptr;
    call->x->response.body_size = document.len;
    s3_add_header(call, "Content-Type", "application/xml");
}

bool s3_is_absent(const struct error *err) {
    return err->kind == ERROR_NOT_FOUND && !(err->code && strcmp(err->code, "NoSuchBucket") == 0);
}

void s3_respond_empty(struct s3_call *call, unsigned status) {
    call->x->response.status = status;
    call->x->response.body = "";
    call->x->response.body_size = 0;
}
