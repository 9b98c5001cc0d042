"""Lessons (课程): the road map that a person walks, in Chinese and in English; `WRITING.md` tells how one is written.

    find("00-start-here", "zh")        a Lesson: its blocks, headings and directives
    markdown(lesson), notebook(lesson), html(lesson)
"""
