/* generate MODEL: one answer at once, a stream, what can go wrong, tokens and vectors, in C99. Prints one line each. */
#include <bowhead/bowhead.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void check(int code, bowhead_error* error) {
  if (code == BOWHEAD_OK) return;
  fprintf(stderr, "error %d: %s\n", code, bowhead_error_message(error));
  bowhead_error_free(error);
  exit(1);
}

/* Puts the pieces together; cancels after `limit` of them. */
struct pieces {
  char text[4096];
  int count;
  int limit;
  int finish_reason;
};

static int take(const bowhead_event* event, void* user_data) {
  struct pieces* pieces = user_data;
  if (event->kind == BOWHEAD_EVENT_TEXT) {
    strncat(pieces->text, event->text, sizeof pieces->text - strlen(pieces->text) - 1);
    pieces->count++;
  }
  if (event->kind == BOWHEAD_EVENT_END) pieces->finish_reason = event->finish_reason;
  return pieces->count == pieces->limit;
}

static bowhead_request* continuation(int max_tokens) {
  bowhead_request* request = bowhead_request_new();
  bowhead_error* error = NULL;
  check(bowhead_request_set_prompt(request, "The capital of France is", BOWHEAD_NUL, &error), error);
  check(bowhead_request_set_int(request, "max_tokens", max_tokens, &error), error);
  check(bowhead_request_set_number(request, "temperature", 0, &error), error);
  return request;
}

static void generate(bowhead_model* model) {
  bowhead_request* request = continuation(8);
  bowhead_answer* answer = NULL;
  bowhead_error* error = NULL;
  check(bowhead_request_add_text(request, "stop", "\n", 1, &error), error);
  check(bowhead_generate(model, request, &answer, &error), error);
  printf("answer:%s\n", bowhead_answer_text(answer));
  printf("tokens:%d\n", (int)bowhead_answer_get_int(answer, "completion_tokens"));
  bowhead_answer_free(answer);

  struct pieces pieces = {"", 0, -1, -1};
  bowhead_queue* queue = NULL;
  check(bowhead_queue_new(model, &queue, &error), error);
  check(bowhead_queue_submit(queue, request, 7, &error), error);
  check(bowhead_queue_run(queue, take, &pieces), NULL);
  printf("stream:%s\n", pieces.text);
  bowhead_request_free(request);

  request = continuation(2000);
  check(bowhead_request_set_int(request, "ignore_eos", 1, &error), error);
  struct pieces few = {"", 0, 3, -1};
  check(bowhead_queue_submit(queue, request, 7, &error), error);
  printf("cancelled:%d\n", bowhead_queue_run(queue, take, &few) == BOWHEAD_CANCELLED && few.count == 3);
  bowhead_queue_free(queue);
  bowhead_request_free(request);
}

static void fail(bowhead_model* model) {
  bowhead_request* request = bowhead_request_new();
  bowhead_error* error = NULL;
  int code = bowhead_request_set_number(request, "temperature", 9, &error);
  printf("mistake:%d %s\n", code, bowhead_error_param(error));
  bowhead_error_free(error);
  error = NULL;
  bowhead_answer* answer = NULL;
  code = bowhead_generate(model, request, &answer, &error);
  printf("mistake:%d %s\n", code, bowhead_error_param(error));
  bowhead_error_free(error);
  bowhead_request_free(request);
  error = NULL;
  bowhead_model* other = NULL;
  code = bowhead_load("no such model", NULL, &other, &error);
  printf("missing:%d %d\n", code, other == NULL);
  bowhead_error_free(error);
}

static void tokens_and_vectors(bowhead_model* model) {
  int32_t tokens[32];
  size_t count = 0;
  bowhead_error* error = NULL;
  check(bowhead_tokenize(model, "Hello world", BOWHEAD_NUL, 0, tokens, 32, &count, &error), error);
  char text[64] = "";
  size_t length = 0;
  check(bowhead_detokenize(model, tokens, count, 0, text, sizeof text, &length, &error), error);
  printf("text:%.*s\n", (int)length, text);

  const char* texts[2] = {"a cat", "a dog"};
  const size_t size = (size_t)bowhead_model_get_int(model, "embedding_length");
  float* vectors = malloc(2 * size * sizeof(float));
  check(bowhead_embed(model, texts, NULL, 2, vectors, &count, &error), error);
  double square = 0;
  for (size_t i = 0; i < size; i++) square += (double)vectors[size + i] * vectors[size + i];
  printf("unit:%d\n", fabs(square - 1) < 1e-3);
  free(vectors);
}

int main(int argc, char** argv) {
  if (argc != 2 || bowhead_abi_version() != BOWHEAD_ABI_VERSION) return 2;
  bowhead_options* options = bowhead_options_new();
  bowhead_model* model = NULL;
  bowhead_error* error = NULL;
  check(bowhead_options_set_int(options, "threads", 2, &error), error);
  check(bowhead_options_set_string(options, "device", "cpu", &error), error);
  check(bowhead_load(argv[1], options, &model, &error), error);
  bowhead_options_free(options);
  printf("version:%s\n", bowhead_version());
  generate(model);
  fail(model);
  tokens_and_vectors(model);
  bowhead_model_free(model);
  return 0;
}
