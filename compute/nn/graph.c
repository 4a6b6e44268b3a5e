/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "compute/nn/nn-private.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Element offsets are 32-bit in the shaders. */
#define MAX_ELEMENTS INT32_MAX

/* ---- Shapes ---- */

int64_t
nn_elements(const struct nn_shape *shape)
{
  int64_t elements = 1;

  for (unsigned i = 0; i < shape->rank; i++)
    elements *= shape->dims[i];
  return elements;
}

bool
nn_shape_equal(const struct nn_shape *a, const struct nn_shape *b)
{
  return a->rank == b->rank && memcmp(a->dims, b->dims, a->rank * sizeof a->dims[0]) == 0;
}

bool
nn_shape_valid(const struct nn_shape *shape)
{
  int64_t elements = 1;

  if (shape->rank < 1 || shape->rank > NN_MAX_DIMS)
    return false;
  for (unsigned i = 0; i < shape->rank; i++) {
    if (shape->dims[i] < 1 || shape->dims[i] > MAX_ELEMENTS / elements)
      return false;
    elements *= shape->dims[i];
  }
  return true;
}

const char *
nn_shape_text(const struct nn_shape *shape, char text[NN_SHAPE_TEXT])
{
  size_t used = 1;

  text[0] = '[';
  for (unsigned i = 0; i < shape->rank && i < NN_MAX_DIMS; i++)
    used += (size_t)snprintf(text + used, NN_SHAPE_TEXT - used - 1, i ? ", %lld" : "%lld", (long long)shape->dims[i]);
  text[used] = ']';
  text[used + 1] = '\0';
  return text;
}

/* ---- The graph ---- */

struct nn_graph *
nn_graph_create(struct nn_weights *weights)
{
  struct nn_graph *graph = calloc(1, sizeof *graph);

  if (graph == NULL)
    return NULL;
  graph->weights = weights;
  graph->nothing = (struct nn_tensor){ .graph = graph, .shape = { { 1, 1, 1, 1 }, 4 }, .strides = { 1, 1, 1, 1 } };
  return graph;
}

static void
free_names(struct nn_name *names, size_t count)
{
  for (size_t i = 0; i < count; i++)
    free(names[i].name);
  free(names);
}

void
nn_graph_destroy(struct nn_graph **graph_address)
{
  struct nn_graph *graph = *graph_address;

  if (graph == NULL)
    return;
  for (size_t i = 0; i < graph->tensor_count; i++) {
    free(graph->tensors[i]->name);
    free(graph->tensors[i]);
  }
  for (size_t i = 0; i < graph->storage_count; i++)
    free(graph->storages[i]);
  for (size_t i = 0; i < graph->node_count; i++)
    free(graph->nodes[i]);
  free(graph->tensors);
  free(graph->storages);
  free(graph->nodes);
  free_names(graph->inputs, graph->input_count);
  free_names(graph->outputs, graph->output_count);
  free(graph);
  *graph_address = NULL;
}

bool
nn_graph_good(const struct nn_graph *graph)
{
  return graph != NULL && graph->error.status == COMPUTE_OK;
}

const struct compute_error *
nn_graph_error(const struct nn_graph *graph)
{
  return graph == NULL || nn_graph_good(graph) ? NULL : &graph->error;
}

void
nn_graph_fail(struct nn_graph *graph, enum compute_status status, const char *format, ...)
{
  char message[sizeof graph->error.message];
  va_list arguments;

  if (!nn_graph_good(graph))
    return;
  va_start(arguments, format);
  vsnprintf(message, sizeof message, format, arguments);
  va_end(arguments);
  compute_fail(&graph->error, status, "%s", message);
}

nn_tensor
nn_graph_nothing(struct nn_graph *graph)
{
  static const struct nn_tensor without_graph = { .shape = { { 1, 1, 1, 1 }, 4 }, .strides = { 1, 1, 1, 1 } };

  return graph != NULL ? &graph->nothing : &without_graph;
}

nn_tensor
nn_reject(struct nn_graph *graph, const char *format, ...)
{
  char message[sizeof graph->error.message];
  va_list arguments;

  va_start(arguments, format);
  vsnprintf(message, sizeof message, format, arguments);
  va_end(arguments);
  nn_graph_fail(graph, COMPUTE_ERROR_SHAPE, "%s", message);
  return nn_graph_nothing(graph);
}

bool
nn_graph_accepts(struct nn_graph *graph, const char *op, nn_tensor tensor)
{
  if (!nn_graph_good(graph))
    return false;
  if (tensor == NULL || tensor->graph != graph || tensor->storage == NULL) {
    nn_reject(graph, "%s: an operand is %s", op, tensor == NULL ? "missing" : "not of this graph");
    return false;
  }
  return true;
}

/* One more element at the end of a list, or NULL with the error kept. */
static void *
grow(struct nn_graph *graph, void **list, size_t *count, size_t *room, size_t element_bytes)
{
  if (*count == *room) {
    size_t wanted = *room ? *room * 2 : 64;
    void *larger = realloc(*list, wanted * element_bytes);

    if (larger == NULL) {
      nn_graph_fail(graph, COMPUTE_ERROR_OUT_OF_MEMORY, "no memory for a graph of %zu entries", wanted);
      return NULL;
    }
    *list = larger;
    *room = wanted;
  }
  return (char *)*list + (*count)++ * element_bytes;
}

/* A cleared object that the list owns, or NULL with the error kept. */
static void *
grow_object(struct nn_graph *graph, void **list, size_t *count, size_t *room, size_t object_bytes)
{
  void *object = calloc(1, object_bytes);
  void **slot;

  if (object == NULL) {
    nn_graph_fail(graph, COMPUTE_ERROR_OUT_OF_MEMORY, "no memory for a graph's node");
    return NULL;
  }
  slot = grow(graph, list, count, room, sizeof(void *));
  if (slot == NULL) {
    free(object);
    return NULL;
  }
  *slot = object;
  return object;
}

static struct nn_tensor *
new_tensor(struct nn_graph *graph, struct nn_storage *storage, const char *name, const struct nn_shape *shape)
{
  struct nn_tensor *tensor;
  int64_t stride = 1;

  if (storage == NULL)
    return NULL;
  tensor = grow_object(graph, (void **)&graph->tensors, &graph->tensor_count, &graph->tensor_room, sizeof *tensor);
  if (tensor == NULL)
    return NULL;
  tensor->name = strdup(name);
  if (tensor->name == NULL) {
    nn_graph_fail(graph, COMPUTE_ERROR_OUT_OF_MEMORY, "no memory for the name of tensor %s", name);
    return NULL;
  }
  tensor->graph = graph;
  tensor->shape = *shape;
  tensor->storage = storage;
  for (unsigned i = shape->rank; i-- > 0;) {
    tensor->strides[i] = stride;
    stride *= shape->dims[i];
  }
  return tensor;
}

static struct nn_storage *
new_storage(struct nn_graph *graph, enum nn_storage_kind kind, int64_t elements)
{
  struct nn_storage *storage =
      grow_object(graph, (void **)&graph->storages, &graph->storage_count, &graph->storage_room, sizeof *storage);

  if (storage == NULL)
    return NULL;
  storage->kind = kind;
  storage->elements = elements;
  if (kind != NN_STORAGE_WEIGHT)
    storage->index = graph->indexed_storages++;
  return storage;
}

static nn_tensor
tensor_or_nothing(struct nn_graph *graph, struct nn_tensor *tensor)
{
  return tensor != NULL ? tensor : nn_graph_nothing(graph);
}

nn_tensor
nn_new_view(struct nn_graph *graph, nn_tensor of, const struct nn_shape *shape, const int64_t *strides, int64_t offset)
{
  struct nn_tensor *view = new_tensor(graph, of->storage, of->name, shape);

  if (view == NULL)
    return nn_graph_nothing(graph);
  view->type = of->type;
  memcpy(view->strides, strides, shape->rank * sizeof strides[0]);
  view->offset = offset;
  return view;
}

nn_tensor
nn_new_result(struct nn_graph *graph, const char *op, const struct nn_shape *shape)
{
  char name[64], text[NN_SHAPE_TEXT];

  if (!nn_shape_valid(shape))
    return nn_reject(graph, "%s: its result %s would be empty or have more than %d elements", op,
                     nn_shape_text(shape, text), MAX_ELEMENTS);
  snprintf(name, sizeof name, "%s %zu", op, graph->node_count);
  return tensor_or_nothing(graph,
                           new_tensor(graph, new_storage(graph, NN_STORAGE_RESULT, nn_elements(shape)), name, shape));
}

nn_tensor
nn_new_weight(struct nn_graph *graph, struct nn_source *source)
{
  struct nn_storage *storage;

  if (source == NULL) {
    nn_graph_fail(graph, COMPUTE_ERROR_OUT_OF_MEMORY, "no memory for a weight");
    return nn_graph_nothing(graph);
  }
  storage = new_storage(graph, NN_STORAGE_WEIGHT, nn_elements(&source->shape));
  if (storage != NULL)
    storage->source = source;
  return tensor_or_nothing(graph, new_tensor(graph, storage, source->name, &source->shape));
}

nn_tensor
nn_append(struct nn_graph *graph, const struct nn_node *node)
{
  struct nn_node *kept;

  if (!nn_graph_good(graph))
    return nn_graph_nothing(graph);
  kept = grow_object(graph, (void **)&graph->nodes, &graph->node_count, &graph->node_room, sizeof *kept);
  if (kept == NULL)
    return nn_graph_nothing(graph);
  *kept = *node;
  return node->output;
}

/* ---- Inputs, weights, outputs ---- */

struct nn_shape
nn_tensor_shape(nn_tensor tensor)
{
  return tensor->shape;
}

static struct nn_shape
make_shape(unsigned rank, const int64_t *dims)
{
  struct nn_shape shape = { .rank = rank };

  for (unsigned i = 0; i < rank && i < NN_MAX_DIMS; i++)
    shape.dims[i] = dims[i];
  return shape;
}

nn_tensor
nn_input(struct nn_graph *graph, const char *name, enum nn_type type, unsigned rank, const int64_t *dims)
{
  struct nn_shape shape = make_shape(rank, dims);
  struct nn_tensor *tensor;
  struct nn_name *input;
  char text[NN_SHAPE_TEXT];

  if (!nn_graph_good(graph))
    return nn_graph_nothing(graph);
  if (!nn_shape_valid(&shape))
    return nn_reject(graph, "input “%s”: %s is no shape of a tensor", name, nn_shape_text(&shape, text));
  if (type != NN_F32 && type != NN_I32)
    return nn_reject(graph, "input “%s”: an input is of type F32 or I32", name);
  for (size_t i = 0; i < graph->input_count; i++)
    if (strcmp(graph->inputs[i].name, name) == 0)
      return nn_reject(graph, "input “%s”: there are two of that name", name);
  tensor = new_tensor(graph, new_storage(graph, NN_STORAGE_INPUT, nn_elements(&shape)), name, &shape);
  if (tensor == NULL)
    return nn_graph_nothing(graph);
  tensor->type = type;
  input = grow(graph, (void **)&graph->inputs, &graph->input_count, &graph->input_room, sizeof *input);
  if (input == NULL)
    return nn_graph_nothing(graph);
  *input = (struct nn_name){ .name = strdup(name), .tensor = tensor };
  if (input->name == NULL)
    nn_graph_fail(graph, COMPUTE_ERROR_OUT_OF_MEMORY, "no memory for the name of input “%s”", name);
  return tensor;
}

nn_tensor
nn_weight(struct nn_graph *graph, unsigned rank, const int64_t *dims, const char *name_format, ...)
{
  struct nn_shape expected = make_shape(rank, dims);
  struct compute_error error = { 0 };
  struct nn_source *source;
  char name[256], found[NN_SHAPE_TEXT], wanted[NN_SHAPE_TEXT];
  va_list arguments;
  bool fits;

  if (!nn_graph_good(graph))
    return nn_graph_nothing(graph);
  va_start(arguments, name_format);
  vsnprintf(name, sizeof name, name_format, arguments);
  va_end(arguments);
  source = nn_weights_find(graph->weights, name, &error);
  if (source == NULL) {
    nn_graph_fail(graph, error.status, "%s", error.message);
    return nn_graph_nothing(graph);
  }
  fits = source->shape.rank == rank;
  for (unsigned i = 0; fits && i < rank; i++)
    fits = dims[i] == 0 || dims[i] == source->shape.dims[i];
  if (!fits)
    return nn_reject(graph, "weight “%s” has the shape %s where the network needs %s (0 is any size)", name,
                     nn_shape_text(&source->shape, found), nn_shape_text(&expected, wanted));
  return nn_new_weight(graph, source);
}

bool
nn_has_weight(struct nn_graph *graph, const char *name_format, ...)
{
  char name[256];
  va_list arguments;

  if (graph == NULL)
    return false;
  va_start(arguments, name_format);
  vsnprintf(name, sizeof name, name_format, arguments);
  va_end(arguments);
  return nn_weights_has(graph->weights, name);
}

void
nn_output(struct nn_graph *graph, nn_tensor tensor, const char *name)
{
  struct nn_name *output;

  if (!nn_graph_accepts(graph, name, tensor))
    return;
  for (size_t i = 0; i < graph->output_count; i++)
    if (strcmp(graph->outputs[i].name, name) == 0) {
      nn_reject(graph, "output “%s”: there are two of that name", name);
      return;
    }
  if (tensor->type != NN_F32) {
    nn_reject(graph, "output “%s”: tensor “%s” is not of type F32", name, tensor->name);
    return;
  }
  /* What the plan reads back is a result of its own: neither an input nor a weight, and dense. */
  if (!nn_is_contiguous(tensor) || tensor->offset != 0 || tensor->storage->kind != NN_STORAGE_RESULT ||
      tensor->storage->elements != nn_elements(&tensor->shape))
    tensor = nn_scale(graph, tensor, 1, 0);
  if (!nn_graph_good(graph))
    return;
  output = grow(graph, (void **)&graph->outputs, &graph->output_count, &graph->output_room, sizeof *output);
  if (output == NULL)
    return;
  *output = (struct nn_name){ .name = strdup(name), .tensor = tensor };
  if (output->name == NULL)
    nn_graph_fail(graph, COMPUTE_ERROR_OUT_OF_MEMORY, "no memory for the name of output “%s”", name);
}
