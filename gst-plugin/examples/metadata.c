/* Reads class maps off frames: tttseg output=metadata in an application.
 *
 *     cc metadata.c -o metadata $(pkg-config --cflags --libs gstreamer-1.0)
 *     ./metadata film.mp4
 *
 * Prints which share of each frame every class has. Without a film there is a test picture. A second argument names a
 * model file.
 */

#include <gst/gst.h>
#include <stdlib.h>

/* Prints percent of a frame for each class that it has. */
static void print_shares(GstBuffer *frame)
{
    GstCustomMeta *meta = gst_buffer_get_custom_meta(frame, "GstTttSegMeta");
    g_auto(GStrv) names = NULL;
    g_autoptr(GstBuffer) map = NULL;
    GstMapInfo info;
    guint64 counts[256] = { 0 };

    if (!meta
        || !gst_structure_get(gst_custom_meta_get_structure(meta), "classes", G_TYPE_STRV, &names,
                              "map", GST_TYPE_BUFFER, &map, NULL)
        || !gst_buffer_map(map, &info, GST_MAP_READ)) {
        g_print("no classes\n");
        return;
    }
    /* Classes lie row by row: "width" of them in each of "height" rows. 255 is no class. */
    for (gsize i = 0; i < info.size; i++)
        counts[info.data[i]]++;
    const gchar *comma = "";
    for (guint id = 0; names[id] && id < 255; id++) {
        if (counts[id] > 0) {
            g_print("%s%s %" G_GUINT64_FORMAT " %%", comma, names[id], 100 * counts[id] / info.size);
            comma = ", ";
        }
    }
    g_print("\n");
    gst_buffer_unmap(map, &info);
}

static GstPadProbeReturn on_buffer(GstPad *pad, GstPadProbeInfo *info, gpointer frames)
{
    (void) pad;
    g_print("frame %d: ", ++*(gint *) frames);
    print_shares(GST_PAD_PROBE_INFO_BUFFER(info));
    return GST_PAD_PROBE_OK;
}

int main(int argc, char **argv)
{
    gst_init(&argc, &argv);

    GstElement *source = gst_element_factory_make(argc > 1 ? "filesrc" : "videotestsrc", NULL);
    GstElement *tttseg = gst_element_factory_make("tttseg", NULL);
    GstElement *sink = gst_element_factory_make("fakesink", NULL);
    if (!source || !tttseg || !sink) {
        g_printerr("metadata: there is no element %s; GST_PLUGIN_PATH names folders of plugins\n",
                   !source ? "filesrc or videotestsrc" : !tttseg ? "tttseg" : "fakesink");
        return EXIT_FAILURE;
    }
    if (argc > 1)
        g_object_set(source, "location", argv[1], NULL);
    else
        g_object_set(source, "num-buffers", 20, NULL);
    if (argc > 2)
        g_object_set(tttseg, "model-file", argv[2], NULL);
    gst_util_set_object_arg(G_OBJECT(tttseg), "output", "metadata");
    gst_util_set_object_arg(G_OBJECT(tttseg), "pace", "every-frame");

    g_autoptr(GstElement) pipeline = gst_pipeline_new(NULL);
    gst_bin_add_many(GST_BIN(pipeline), source, tttseg, sink, NULL);
    if (!gst_element_link_many(source, tttseg, sink, NULL)) {
        g_printerr("metadata: the elements do not fit together\n");
        return EXIT_FAILURE;
    }
    gint frames = 0;
    g_autoptr(GstPad) pad = gst_element_get_static_pad(sink, "sink");
    gst_pad_add_probe(pad, GST_PAD_PROBE_TYPE_BUFFER, on_buffer, &frames, NULL);

    g_autoptr(GstBus) bus = gst_element_get_bus(pipeline);
    /* Why it fails is on the bus. */
    gst_element_set_state(pipeline, GST_STATE_PLAYING);
    g_autoptr(GstMessage) message = gst_bus_timed_pop_filtered(bus, GST_CLOCK_TIME_NONE,
                                                               GST_MESSAGE_EOS | GST_MESSAGE_ERROR);
    gst_element_set_state(pipeline, GST_STATE_NULL);
    if (GST_MESSAGE_TYPE(message) == GST_MESSAGE_ERROR) {
        g_autoptr(GError) error = NULL;
        g_autofree gchar *debug = NULL;
        gst_message_parse_error(message, &error, &debug);
        g_printerr("metadata: %s (%s)\n", error->message, debug);
        return EXIT_FAILURE;
    }
    return EXIT_SUCCESS;
}
