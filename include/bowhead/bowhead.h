/*
 * libbowhead: language models in this process, from C, C++ and every language that can call C.
 *
 *   bowhead_model* model = NULL;
 *   bowhead_error* error = NULL;
 *   if (bowhead_load("default", NULL, &model, &error) != BOWHEAD_OK) {
 *     fprintf(stderr, "%s\n", bowhead_error_message(error));
 *     bowhead_error_free(error);
 *     return 1;
 *   }
 *   bowhead_request* request = bowhead_request_new();
 *   bowhead_request_add_message(request, "user", "Why is the sky blue?", NULL);
 *   bowhead_answer* answer = NULL;
 *   if (bowhead_generate(model, request, &answer, &error) == BOWHEAD_OK) puts(bowhead_answer_text(answer));
 *
 * Errors. Functions that can fail return BOWHEAD_OK or another code, and take a place for an error as their last
 * argument. Where that is not NULL, it must hold NULL or be overwritten without loss, and on failure gets an error that
 * the caller frees; on success it is left alone. Nothing prints, nothing ends the process, no C++ exception comes out.
 *
 * Memory. What a `_new`, `bowhead_load` or an output argument gave is freed by the `_free` of its kind, which accepts
 * NULL. Strings that functions return belong to the object and live as long as it does unchanged.
 *
 * Threads. A bowhead_model may be used by any number of threads at once; their requests share one batch. Other objects
 * are for one thread at a time, except where a function says otherwise. No function calls back on a thread of the
 * library's own. A process that has forked must not use in the child what it made before.
 *
 * Text is UTF-8. `length` is in bytes; BOWHEAD_NUL stands for "up to the NUL". Text that comes out has a NUL after its
 * last byte.
 *
 * Stability. Functions, structs and constants of one BOWHEAD_ABI_VERSION keep their meaning. New parameters are new
 * names for the setters; struct bowhead_event may grow at its end, which its `size` makes safe.
 */
#ifndef BOWHEAD_BOWHEAD_H_
#define BOWHEAD_BOWHEAD_H_

#include <stddef.h>
#include <stdint.h>

#if defined(__GNUC__)
#define BOWHEAD_API __attribute__((visibility("default")))
#else
#define BOWHEAD_API
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Version ---- */

#define BOWHEAD_ABI_VERSION 1

/* The BOWHEAD_ABI_VERSION that the library was built with; another one than the header's must not be used. */
BOWHEAD_API int bowhead_abi_version(void);
/* The release, "0.1.0". */
BOWHEAD_API const char* bowhead_version(void);

#define BOWHEAD_NUL SIZE_MAX

/* ---- Errors ---- */

/* What functions return. The numbers are those of google.rpc.Code. */
enum {
  BOWHEAD_OK = 0,
  BOWHEAD_CANCELLED = 1,
  BOWHEAD_INVALID_ARGUMENT = 3,    /* bowhead_error_param names what is wrong */
  BOWHEAD_DEADLINE_EXCEEDED = 4,
  BOWHEAD_NOT_FOUND = 5,           /* no such model */
  BOWHEAD_PERMISSION_DENIED = 7,
  BOWHEAD_RESOURCE_EXHAUSTED = 8,  /* memory, or too many requests wait */
  BOWHEAD_FAILED_PRECONDITION = 9,
  BOWHEAD_OUT_OF_RANGE = 11,       /* the request does not fit the context; the message has the numbers */
  BOWHEAD_UNIMPLEMENTED = 12,      /* a kind of file, schema or template that is not supported */
  BOWHEAD_INTERNAL = 13,
  BOWHEAD_UNAVAILABLE = 14,
  BOWHEAD_DATA_LOSS = 15           /* the model file is damaged */
};

typedef struct bowhead_error bowhead_error;

/* One of the codes above. */
BOWHEAD_API int bowhead_error_code(const bowhead_error* error);
/* What is wrong and what to do, for people. */
BOWHEAD_API const char* bowhead_error_message(const bowhead_error* error);
/* The parameter that is to blame, as the setters name it; "" if none is. */
BOWHEAD_API const char* bowhead_error_param(const bowhead_error* error);
BOWHEAD_API void bowhead_error_free(bowhead_error* error);

/* ---- Loading ---- */

typedef struct bowhead_options bowhead_options;
typedef struct bowhead_model bowhead_model;

/* How a model is loaded. A new object has the defaults. NULL only if there is no memory. */
BOWHEAD_API bowhead_options* bowhead_options_new(void);
BOWHEAD_API void bowhead_options_free(bowhead_options* options);

/* Sets a number:
 *   "threads"          of the kernels; 0 (default): one per core that the process may use
 *   "context_length"   in tokens; 0 (default): the model's own, or what fits in memory
 *   "kv_bytes"         memory for the KV cache; 0 (default): chosen from what is free
 *   "max_running"      most requests in one batch; default 64
 * An unknown name or a number out of range is BOWHEAD_INVALID_ARGUMENT. */
BOWHEAD_API int bowhead_options_set_int(bowhead_options* options, const char* name, int64_t value,
                                        bowhead_error** error);
/* Sets a word:
 *   "device"           "cpu", the only one
 *   "kv_type"          "f16" (default), "bf16" or "q8": the number format of the KV cache
 *   "isa"              an instruction set instead of the best one of the machine
 *   "packed_cache"     where prepared weights are kept for the next load: "auto" (default: beside the model file, else
 *                      in the user's cache folder), "off", or a folder
 *   "chat_template"    a Jinja file, or a built-in template (chatml, llama2, gemma, plain), instead of the model's own
 *   "draft_model"      a small model file with the same vocabulary, to guess tokens with
 *   "speculate"        "auto" (default), "lookup", "draft" or "off"; answers are the same with and without
 */
BOWHEAD_API int bowhead_options_set_string(bowhead_options* options, const char* name, const char* value,
                                           bowhead_error** error);
/* Is called during bowhead_load, on its thread, with the fraction done (0 to 1). Another result than 0 cancels. */
typedef int (*bowhead_progress)(double fraction, void* user_data);
BOWHEAD_API void bowhead_options_set_progress(bowhead_options* options, bowhead_progress progress, void* user_data);

/* Loads a model and gives it in `*model`. `name_or_path`: a GGUF file (of a split one any part), or the name of one in
 * the folder `models` of $BOWHEAD_CACHE (else of ~/.cache/bowhead), with or without ".gguf" and quantization; "default"
 * is the model that Bowhead's `make run` fetches. `options` may be NULL. */
BOWHEAD_API int bowhead_load(const char* name_or_path, const bowhead_options* options, bowhead_model** model,
                             bowhead_error** error);
/* Lets go of the model. Its memory is freed when the last queue of it is freed too. */
BOWHEAD_API void bowhead_model_free(bowhead_model* model);

/* "name", "architecture", "quantization", "isa", "tokenizer" or "chat_template"; NULL for another name. Any thread. */
BOWHEAD_API const char* bowhead_model_get_string(const bowhead_model* model, const char* name);
/* "context_length", "vocab_size", "embedding_length", "parameters", "file_bytes" or "threads"; what runs now: "running",
 * "waiting"; -1 for another name. Any thread. */
BOWHEAD_API int64_t bowhead_model_get_int(const bowhead_model* model, const char* name);

/* ---- Requests ---- */

/* What is to be generated: either a prompt to continue, or a conversation to answer. Can be used again, changed. */
typedef struct bowhead_request bowhead_request;

/* NULL only if there is no memory. */
BOWHEAD_API bowhead_request* bowhead_request_new(void);
BOWHEAD_API void bowhead_request_free(bowhead_request* request);

/* The text to continue. Special tokens that it spells count as such. */
BOWHEAD_API int bowhead_request_set_prompt(bowhead_request* request, const char* text, size_t length,
                                           bowhead_error** error);
/* The same as tokens. */
BOWHEAD_API int bowhead_request_set_prompt_tokens(bowhead_request* request, const int32_t* tokens, size_t count,
                                                  bowhead_error** error);
/* Adds a message to the conversation. Roles: "system", "user", "assistant". Special tokens that the text spells stay
 * text. */
BOWHEAD_API int bowhead_request_add_message(bowhead_request* request, const char* role, const char* text,
                                            bowhead_error** error);

/* Sets a whole number:
 *   "max_tokens"       most tokens of the answer; default: as many as fit
 *   "seed"             the same seed gives the same answer, whoever shares the batch; default: another one each time
 *   "top_k"            0 (default): off
 *   "logprobs"         0: of the chosen tokens; 1 to 20: also of so many alternatives; -1 (default): none
 *   "json_object"      1: the answer is a JSON object
 *   "ignore_eos"       1: go on after the model's end token (for measuring)
 *   "enable_thinking"  0 or 1, for chat templates that can switch reasoning
 */
BOWHEAD_API int bowhead_request_set_int(bowhead_request* request, const char* name, int64_t value,
                                        bowhead_error** error);
/* Sets a number:
 *   "temperature"        0 to 2, default 1; 0 always takes the likeliest token
 *   "top_p"              above 0 to 1 (off)
 *   "min_p"              0 (off) to 1
 *   "typical_p"          above 0 to 1 (off)
 *   "repeat_penalty"     above 0 to 10, 1 is off; over prompt and answer
 *   "presence_penalty"   -2 to 2, 0 is off; over the answer
 *   "frequency_penalty"  -2 to 2, 0 is off; over the answer
 */
BOWHEAD_API int bowhead_request_set_number(bowhead_request* request, const char* name, double value,
                                           bowhead_error** error);
/* Sets a text:
 *   "messages"     the whole conversation as a JSON array of OpenAI's messages, with tool calls and their results
 *   "tools"        what the model may call, as a JSON array of OpenAI's tools of type "function"
 *   "tool_choice"  "auto" (default) or "none"
 *   "json_schema"  a JSON schema (draft 2020-12) that the answer must match
 *   "regex"        an expression that the whole answer must match
 *   "grammar"      a grammar (EBNF) that the answer must match
 * Of the last three, "json_object" and "choice" a request may have one. They are kept exactly, or refused when the
 * request is submitted. */
BOWHEAD_API int bowhead_request_set_text(bowhead_request* request, const char* name, const char* text, size_t length,
                                         bowhead_error** error);
/* Adds a text to a list:
 *   "stop"         the answer ends before this text; at most 16, each of 1 to 1024 bytes
 *   "choice"       the answer is one of these texts
 */
BOWHEAD_API int bowhead_request_add_text(bowhead_request* request, const char* name, const char* text, size_t length,
                                         bowhead_error** error);
/* Adds `bias` (-100 to 100) to the logit of a token. */
BOWHEAD_API int bowhead_request_add_logit_bias(bowhead_request* request, int32_t token, double bias,
                                               bowhead_error** error);

/* ---- Generating, and waiting for all of it ---- */

/* How an answer ended. */
enum {
  BOWHEAD_FINISH_STOP = 0,       /* the model ended it, or a stop text did */
  BOWHEAD_FINISH_LENGTH = 1,     /* max_tokens, or the context is full */
  BOWHEAD_FINISH_TOOL_CALLS = 2, /* the model called tools */
  BOWHEAD_FINISH_CANCELLED = 3,
  BOWHEAD_FINISH_ERROR = 4
};

typedef struct bowhead_answer bowhead_answer;

/* Generates the whole answer and gives it in `*answer`. Any thread; blocks. */
BOWHEAD_API int bowhead_generate(bowhead_model* model, const bowhead_request* request, bowhead_answer** answer,
                                 bowhead_error** error);
BOWHEAD_API void bowhead_answer_free(bowhead_answer* answer);
BOWHEAD_API const char* bowhead_answer_text(const bowhead_answer* answer);
/* What the model thought before it answered; "" if nothing. */
BOWHEAD_API const char* bowhead_answer_reasoning(const bowhead_answer* answer);
/* Calls of tools, and the name and the arguments (the JSON text that the model wrote) of one; NULL beyond the last. */
BOWHEAD_API size_t bowhead_answer_num_calls(const bowhead_answer* answer);
BOWHEAD_API const char* bowhead_answer_call_name(const bowhead_answer* answer, size_t index);
BOWHEAD_API const char* bowhead_answer_call_arguments(const bowhead_answer* answer, size_t index);
/* One of BOWHEAD_FINISH_*. */
BOWHEAD_API int bowhead_answer_finish_reason(const bowhead_answer* answer);
/* "prompt_tokens", "cached_tokens" (of these, found in the KV cache), "completion_tokens", "reasoning_tokens" (of
 * these); -1 for another name. */
BOWHEAD_API int64_t bowhead_answer_get_int(const bowhead_answer* answer, const char* name);

/* ---- Generating many at once, and as they come ---- */

/* Requests that run at once in the model's batch, and the one place where what they make comes out. One request in a
 * queue is a stream; a thousand are a batch; a queue that lives as long as the program serves an event loop. */
typedef struct bowhead_queue bowhead_queue;

enum {
  BOWHEAD_EVENT_TEXT = 1,           /* the next piece of the answer; it never ends within a character */
  BOWHEAD_EVENT_REASONING = 2,      /* the next piece of what the model thinks */
  BOWHEAD_EVENT_CALL = 3,           /* a call of the tool `text` begins; `index` counts calls from 0 */
  BOWHEAD_EVENT_CALL_ARGUMENTS = 4, /* the next piece of the arguments of that call, JSON text in all */
  BOWHEAD_EVENT_END = 5             /* the last event of a request */
};

typedef struct bowhead_event {
  size_t size;   /* sizeof(bowhead_event), set by the caller before each call */
  uint64_t tag;  /* whose event this is */
  int32_t kind;  /* BOWHEAD_EVENT_* */
  int32_t index; /* of the call of a tool */
  /* The piece. Of BOWHEAD_EVENT_END: "", or what went wrong. Pointers are good until the next call on the queue. */
  const char* text;
  size_t text_length;
  /* With "logprobs": the tokens whose text is complete with this piece, their log probabilities in the model's own
   * distribution, and `num_top` alternatives of each, [num_tokens][num_top], likeliest first. */
  size_t num_tokens;
  size_t num_top;
  const int32_t* tokens;
  const float* logprobs;
  const int32_t* top_tokens;
  const float* top_logprobs;
  /* Of BOWHEAD_EVENT_END. */
  int32_t finish_reason;     /* BOWHEAD_FINISH_* */
  int32_t error_code;        /* with BOWHEAD_FINISH_ERROR: one of the codes of errors */
  int32_t prompt_tokens;     /* of the request */
  int32_t cached_tokens;     /* of these, found in the KV cache */
  int32_t completion_tokens; /* with a stop text: up to and with the token that completed it */
  int32_t reasoning_tokens;  /* of these */
  double first_token_seconds; /* from submission to the first token; 0 if there was none */
  double decode_seconds;      /* from there to the last one */
} bowhead_event;

BOWHEAD_API int bowhead_queue_new(bowhead_model* model, bowhead_queue** queue, bowhead_error** error);
/* Cancels what still runs and waits for that, which takes one step of the engine. */
BOWHEAD_API void bowhead_queue_free(bowhead_queue* queue);

/* Checks a request and has it generated; its events carry `tag`, which no other running request of the queue may have.
 * The request is copied. More requests than the engine takes at once wait in the queue, without limit, and start as the
 * events of others are read. Any thread. Errors that can be known now are returned and leave the queue as it was. */
BOWHEAD_API int bowhead_queue_submit(bowhead_queue* queue, const bowhead_request* request, uint64_t tag,
                                     bowhead_error** error);

enum {
  BOWHEAD_NEXT_EVENT = 1,   /* *event is filled */
  BOWHEAD_NEXT_TIMEOUT = 0, /* nothing came in time */
  BOWHEAD_NEXT_EMPTY = -1,  /* every request has ended, and all events have been read */
  BOWHEAD_NEXT_FAILED = -2  /* there is no memory for the event, which is lost */
};

/* Waits for the next event, at most so many milliseconds; below 0: without limit. One thread at a time. */
BOWHEAD_API int bowhead_queue_next(bowhead_queue* queue, int64_t timeout_ms, bowhead_event* event);

/* Ends a request within one step; its last event comes with BOWHEAD_FINISH_CANCELLED. Unknown tags are ignored. Any
 * thread. */
BOWHEAD_API void bowhead_queue_cancel(bowhead_queue* queue, uint64_t tag);
/* Ends all of them. Any thread. */
BOWHEAD_API void bowhead_queue_cancel_all(bowhead_queue* queue);

/* Gives every event to `callback`, on the caller's thread, until the queue is empty. Once the callback returns another
 * value than 0 it is not called any more, everything is cancelled, and the result is BOWHEAD_CANCELLED. */
typedef int (*bowhead_callback)(const bowhead_event* event, void* user_data);
BOWHEAD_API int bowhead_queue_run(bowhead_queue* queue, bowhead_callback callback, void* user_data);

/* ---- Tokens ---- */

enum {
  BOWHEAD_ADD_SPECIAL = 1,  /* begin and end tokens, as the model file asks for */
  BOWHEAD_PARSE_SPECIAL = 2 /* text that spells a special token becomes that token */
};

/* Writes the tokens of a text to `tokens`, at most `capacity` of them, and their number to `*count`, which may be more.
 * `flags`: a sum of the above. Any thread. */
BOWHEAD_API int bowhead_tokenize(bowhead_model* model, const char* text, size_t length, int flags, int32_t* tokens,
                                 size_t capacity, size_t* count, bowhead_error** error);
/* Writes the bytes of tokens to `text`, at most `capacity` of them (no NUL), and their number to `*length`, which may be
 * more. With `special` special tokens are spelled out. Any thread. */
BOWHEAD_API int bowhead_detokenize(bowhead_model* model, const int32_t* tokens, size_t count, int special, char* text,
                                   size_t capacity, size_t* length, bowhead_error** error);
/* The number of tokens of a request's prompt, chat template and tools included. Any thread. */
BOWHEAD_API int bowhead_count_tokens(bowhead_model* model, const bowhead_request* request, size_t* count,
                                     bowhead_error** error);

/* ---- Embeddings ---- */

/* Writes a vector of "embedding_length" floats, of length 1, for each text to `vectors`, which has room for `count` of
 * them. `lengths` may be NULL: each text ends with its NUL. `*prompt_tokens` gets the number of tokens of all texts, and
 * may be NULL. Any thread; blocks. */
BOWHEAD_API int bowhead_embed(bowhead_model* model, const char* const* texts, const size_t* lengths, size_t count,
                              float* vectors, size_t* prompt_tokens, bowhead_error** error);

#ifdef __cplusplus
} /* extern "C" */
#endif

#endif /* BOWHEAD_BOWHEAD_H_ */
