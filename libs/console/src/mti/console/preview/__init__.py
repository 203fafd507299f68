"""The preview of the dashboards: the workbooks that are deployed, their queries run on local data and drawn here.

Nothing of it talks to Azure. A page reads a workbook's JSON (`catalogue`), fills its parameters in (`asking`), has its
queries answered and its charts drawn by processes of their own (`workers`, `engine`) on tables that were made of a
folder or of a sample (`worlds`), and lays out what came (`drawing`, `pages`).
"""
